import { expect, test } from "bun:test";
import { checkClaims } from "../../../src/controllers/identity/token-claims.ts";
import { parseJsonObject } from "../../../src/messages/json.ts";

const NOW_S = 1_750_000_000;

function check(members: string, nowMs = NOW_S * 1000 + 500) {
  return checkClaims(parseJsonObject(`{"ext":"me"${members}}`) ?? {}, nowMs).status;
}

test.each([
  ["", "valid"],
  [',"exp":0', "valid"],
  [',"exp":-0', "valid"],
  [`,"exp":${NOW_S + 1}`, "valid"],
  [`,"exp":${NOW_S + 1}.9`, "valid"],
  [',"exp":1e30', "valid"],
  [',"exp":1e400', "valid"],
  [`,"exp":${NOW_S}`, "expired"],
  [`,"exp":${NOW_S}.9`, "expired"],
  [',"exp":0.5', "expired"],
  [',"exp":-1', "expired"],
  [',"exp":null', "invalid"],
  [',"exp":true', "invalid"],
  [',"exp":"4102444800"', "invalid"],
  [',"exp":[4102444800]', "invalid"],
])("checkClaims half a second after 1750000000 calls %s %s", (members, status) => {
  expect(check(members)).toBe(status as ReturnType<typeof check>);
});

test("checkClaims has no leeway: a token ends with the first millisecond of `exp`", () => {
  const members = `,"exp":${NOW_S}`;

  expect(check(members, NOW_S * 1000 - 1)).toBe("valid");
  expect(check(members, NOW_S * 1000)).toBe("expired");
});

test.each([
  [',"nbf":0', "valid"],
  [`,"nbf":${NOW_S}`, "valid"],
  [`,"nbf":${NOW_S}.9`, "valid"],
  [',"nbf":-5', "valid"],
  [`,"nbf":${NOW_S + 1}`, "invalid"],
  [',"nbf":1e30', "invalid"],
  [',"nbf":null', "invalid"],
  [',"nbf":"1"', "invalid"],
])("checkClaims half a second after 1750000000 calls %s %s", (members, status) => {
  expect(check(members)).toBe(status as ReturnType<typeof check>);
});

test("checkClaims calls a token expired that is also not valid yet", () => {
  expect(check(`,"exp":${NOW_S},"nbf":${NOW_S + 9}`)).toBe("expired");
});

test("checkClaims does not look at other registered claims", () => {
  const members = `,"iat":${NOW_S + 9},"aud":5,"iss":null,"sub":[],"jti":{}`;

  expect(check(members)).toBe("valid");
});

test.each(["{}", '{"ext":null}', '{"ext":{"user_id":42}}', '{"ext":[]}', '{"ext":42}'])(
  "checkClaims finds no identifiers in %s",
  (claims) => {
    expect(checkClaims(parseJsonObject(claims) ?? {}, NOW_S * 1000)).toEqual({
      status: "unusable",
    });
  },
);

test("checkClaims passes any text on as identifiers, the empty one too", () => {
  const judge = (ext: string) => checkClaims({ ext }, NOW_S * 1000);

  expect(judge("")).toEqual({ status: "valid", identifiers: "" });
  expect(judge("not json")).toEqual({ status: "valid", identifiers: "not json" });
});

test("checkClaims judges the times before `ext`", () => {
  expect(checkClaims({ exp: NOW_S, ext: {} }, NOW_S * 1000).status).toBe("expired");
  expect(checkClaims({ exp: "x", ext: {} }, NOW_S * 1000).status).toBe("invalid");
});
