import { expect, test } from "bun:test";
import { SUBPROTOCOLS } from "../../../src/protocols/actioncable/subprotocols.ts";
import { compileOrigins } from "../../../src/transports/origin.ts";
import {
  checkHandshake,
  offeredSubprotocols,
  refusalResponse,
  selectSubprotocol,
} from "../../../src/transports/websocket/handshake.ts";

const GOOD = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function check(
  changes: Readonly<Record<string, string | null>>,
  method = "GET",
  origins: readonly string[] = [],
) {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...GOOD, ...changes })) {
    if (value !== null) headers.set(name, value);
  }
  return checkHandshake(method, headers, compileOrigins(origins));
}

test("checkHandshake lets a handshake in order through, whatever the case and company of its tokens", () => {
  expect(check({})).toBeNull();
  expect(check({ Connection: "keep-alive, UPGRADE", Upgrade: "h2c, WebSocket" })).toBeNull();
  expect(check({ "Sec-WebSocket-Version": "8, 13" })).toBeNull();
});

test("checkHandshake refuses what is missing or wrong", () => {
  for (const name of Object.keys(GOOD))
    expect([name, check({ [name]: null })]).toEqual([name, 400]);
  expect(check({ Connection: "upgraded" })).toBe(400);
  expect(check({ "Sec-WebSocket-Version": "8" })).toBe(400);
  for (const key of ["short", "dGhlIHNhbXBsZSBub25jZQ=", `${"A".repeat(23)}==`, "!".repeat(24)]) {
    expect(check({ "Sec-WebSocket-Key": key })).toBe(400);
  }
  expect(check({}, "POST")).toBe(405);
  expect(check({ Origin: "https://b.io" }, "GET", ["a.io"])).toBe(403);
});

test("checkHandshake checks in order: headers, method, version, origin, key", () => {
  const origin = { Origin: "https://b.io" };
  expect(check({ Upgrade: null, ...origin }, "POST", ["a.io"])).toBe(400);
  expect(check({ "Sec-WebSocket-Version": null, ...origin }, "POST", ["a.io"])).toBe(405);
  expect(check({ "Sec-WebSocket-Key": null, ...origin }, "GET", ["a.io"])).toBe(403);
});

test("refusalResponse says the status as text", async () => {
  const response = refusalResponse(405);

  expect([response.status, await response.text()]).toEqual([405, "Method Not Allowed\n"]);
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "text/plain; charset=utf-8",
    "sec-websocket-version": "13",
    "x-content-type-options": "nosniff",
  });
});

test("selectSubprotocol takes the first of the client's offers that is known, case and all [Q22]", () => {
  const select = (header: string) =>
    selectSubprotocol(
      offeredSubprotocols(new Headers({ "Sec-WebSocket-Protocol": header })),
      SUBPROTOCOLS,
    )?.name ?? null;

  expect(select("actioncable-v1-ext-json, actioncable-v1-json")).toBe("actioncable-v1-ext-json");
  expect(select("actioncable-v1-json,actioncable-v1-ext-json")).toBe("actioncable-v1-json");
  expect(select("foo, actioncable-v1-json")).toBe("actioncable-v1-json");
  expect(select("ACTIONCABLE-V1-JSON")).toBeNull();
  expect(select("anycable-token.x")).toBeNull();
});

test("offeredSubprotocols is empty without the header", () => {
  expect(offeredSubprotocols(new Headers())).toEqual([]);
});
