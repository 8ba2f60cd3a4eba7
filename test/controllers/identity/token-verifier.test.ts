import { expect, test } from "bun:test";
import { TokenVerifier } from "../../../src/controllers/identity/token-verifier.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { signToken, USER_42, VECTORS } from "./tokens.ts";

const NOW_MS = 1_750_000_000_500;
const VALID = { status: "valid", identifiers: USER_42 } as const;

function verifier(secret = "qwerty") {
  return new TokenVerifier({ secret }, { clock: new FakeClock(NOW_MS) });
}

async function statusOf(token: string, secret = "qwerty") {
  return (await verifier(secret).verify(token)).status;
}

test.each(["hs256", "hs384", "hs512", "withoutExp"] as const)(
  "TokenVerifier takes the `ext` claim as identifiers: vector %s",
  async (name) => {
    expect(await verifier().verify(VECTORS[name])).toEqual(VALID);
  },
);

test("TokenVerifier takes the text {} for identifiers", async () => {
  expect(await verifier().verify(VECTORS.emptyObject)).toEqual({
    status: "valid",
    identifiers: "{}",
  });
});

test.each([
  ["expired", "expired"],
  ["expiredAndForged", "invalid"],
  ["signedWithAsdf", "invalid"],
  ["unsigned", "invalid"],
  ["futureNbf", "invalid"],
  ["expIsText", "invalid"],
  ["extIsObject", "unusable"],
  ["withoutExt", "unusable"],
] as const)("TokenVerifier calls vector %s %s", async (name, status) => {
  expect(await statusOf(VECTORS[name])).toBe(status);
});

test("TokenVerifier verifies one token after another with each algorithm", async () => {
  const tokens = verifier();

  for (const name of ["hs256", "hs512", "hs256", "hs384"] as const) {
    expect(await tokens.verify(VECTORS[name])).toEqual(VALID);
  }
});

test("TokenVerifier takes the secret as UTF-8 text", async () => {
  expect(await statusOf(signToken('{"ext":"{}"}', { secret: "ключ" }), "ключ")).toBe("valid");
});

test("TokenVerifier with an empty secret takes no token, not even one signed with it", async () => {
  expect(await statusOf(signToken('{"ext":"{}"}', { secret: "" }), "")).toBe("invalid");
});

test.each([
  '{"alg":"RS256"}',
  '{"alg":"hs256"}',
  '{"alg":"HS384"}',
  '{"alg":"none"}',
  '{"alg":["HS256"]}',
  '{"alg":"__proto__"}',
  '{"typ":"JWT"}',
  '{"alg":"HS256","crit":["x"],"x":1}',
  "[]",
  "nope",
])("TokenVerifier refuses the header %s", async (header) => {
  expect(await statusOf(signToken('{"ext":"{}"}', { header }))).toBe("invalid");
});

test("TokenVerifier does not look at `typ` and `kid`", async () => {
  const header = '{"alg":"HS256","typ":"whatever","kid":"1"}';

  expect(await statusOf(signToken('{"ext":"{}"}', { header }))).toBe("valid");
});

test.each(["[]", "nope", '"text"', "null", ""])(
  "TokenVerifier refuses the claims %p",
  async (claims) => {
    expect(await statusOf(signToken(claims))).toBe("invalid");
  },
);

test("TokenVerifier refuses everything that is not three segments of base64url without padding", async () => {
  const [header, claims, signature] = VECTORS.hs256.split(".") as [string, string, string];
  const malformed = [
    "",
    "x",
    "a.b.c",
    "...",
    signature,
    `${header}.${claims}`,
    `${header}.${claims}.`,
    `.${claims}.${signature}`,
    `${VECTORS.hs256}.x`,
    `${VECTORS.hs256}=`,
    `${header}=.${claims}.${signature}`,
    ` ${VECTORS.hs256}`,
    `${VECTORS.hs256}\n`,
    `${header}.${claims}.${signature.slice(0, -4)}`,
  ];

  for (const token of malformed) expect([token, await statusOf(token)]).toEqual([token, "invalid"]);
});

test("TokenVerifier refuses the standard alphabet of base64", async () => {
  const token = `${VECTORS.hs512}`;
  expect(token).toMatch(/[-_]/);

  expect(await statusOf(token.replaceAll("-", "+").replaceAll("_", "/"))).toBe("invalid");
});

// Lenient decoders drop a last character that base64 cannot have: the signature would have two spellings.
test("TokenVerifier refuses a signature with one character too many", async () => {
  expect(await statusOf(VECTORS.hs384)).toBe("valid");

  expect(await statusOf(`${VECTORS.hs384}A`)).toBe("invalid");
});
