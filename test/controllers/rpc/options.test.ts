import { expect, test } from "bun:test";
import { implementationOf } from "../../../src/controllers/rpc/options.ts";
import { concurrencyText, startLine } from "../../../src/controllers/rpc/start-line.ts";
import { DEFAULTS } from "./room.ts";

test.each([
  ["localhost:50051", "grpc"],
  ["127.0.0.1:50051/x", "grpc"],
  ["dns:///rpc:50051", "grpc"],
  ["grpc://h:1", "grpc"],
  ["redis://h:1", "grpc"],
  ["HTTP://h", "grpc"],
  ["http://h/p", "http"],
  ["https://h/p", "http"],
  ["://x", "<invalid RPC host: ://x>"],
])("Host %s means implementation %s", (host, implementation) => {
  expect(implementationOf({ implementation: "", host })).toBe(implementation);
});

test("A named implementation wins over the host", () => {
  expect(implementationOf({ implementation: "grpc", host: "http://h" })).toBe("grpc");
});

test.each([
  [{}, "28"],
  [{ concurrency: 7 }, "7"],
  [{ concurrency: -1 }, "28"],
  [{ concurrency: 0 }, "auto (initial=25, min=5, max=100)"],
  [{ concurrency: 0, concurrencyMin: 30, concurrencyMax: 20 }, "auto (initial=30, min=30, max=30)"],
])("With %j the concurrency is shown as %s", (options, text) => {
  expect(concurrencyText({ ...DEFAULTS, ...options })).toBe(text);
});

test("The start line tells host, concurrency, implementation, TLS, and what is passed on", () => {
  expect(startLine(DEFAULTS, ["cookie", "x-a"], ["c"])).toBe(
    "RPC controller initialized: localhost:50051 (concurrency: 28, impl: grpc, enable_tls: false, proto_versions: v1, proxy_headers: cookie,x-a, proxy_cookies: c)",
  );
  const secure = { ...DEFAULTS, tls: { ...DEFAULTS.tls, rootCa: "ca.pem" } };
  expect(startLine(secure, [], [])).toContain(
    "enable_tls: true, proto_versions: v1, proxy_headers: <none>, proxy_cookies: <all>)",
  );
});

test("The start line keeps the user part of the host to itself", () => {
  const line = startLine({ ...DEFAULTS, host: "http://us:pa@ss@h:3000/x" }, [], []);

  expect(line).toStartWith("RPC controller initialized: http://h:3000/x (");
});
