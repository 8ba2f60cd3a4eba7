import { expect, test } from "bun:test";
import { parseTarget } from "../../../../src/controllers/rpc/grpc/target.ts";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;

test.each([
  ["localhost:50051", "localhost", 50051, "localhost:50051", ""],
  ["rpc.internal", "rpc.internal", 443, "rpc.internal", ""],
  [":50051", "localhost", 50051, "localhost:50051", ""],
  ["dns:///rpc:50051", "rpc", 50051, "rpc:50051", ""],
  ["DNS:///rpc:50051", "rpc", 50051, "rpc:50051", ""],
  ["dns:///rpc", "rpc", 443, "rpc", ""],
  ["dns:rpc:1", "rpc", 1, "rpc:1", ""],
  ["dns://10.0.0.2:5353/rpc:1", "rpc", 1, "rpc:1", "10.0.0.2:5353"],
  ["grpc://rpc:1", "rpc", 1, "rpc:1", ""],
])("%s is looked up by name", (host, name, port, authority, server) => {
  expect(parseTarget(host)).toEqual({ kind: "dns", host: name, port, authority, server });
});

test.each([
  ["127.0.0.1:50051", tcp("127.0.0.1", 50051), "127.0.0.1:50051", "127.0.0.1"],
  ["[::1]:50051", tcp("::1", 50051), "[::1]:50051", "::1"],
  ["dns:///10.0.0.1:1", tcp("10.0.0.1", 1), "10.0.0.1:1", "10.0.0.1"],
  ["ipv6:[::1]:2", tcp("::1", 2), "[::1]:2", "::1"],
  ["ipv4:10.0.0.1", tcp("10.0.0.1", 443), "10.0.0.1", "10.0.0.1"],
  ["passthrough:///rpc:3", tcp("rpc", 3), "rpc:3", "rpc"],
  ["unix:///run/rpc.sock", { kind: "unix", path: "/run/rpc.sock" }, "localhost", "localhost"],
  ["unix:rpc.sock", { kind: "unix", path: "rpc.sock" }, "localhost", "localhost"],
  ["unix-abstract:rpc", { kind: "unix", path: "\0rpc" }, "localhost", "localhost"],
] as const)("%s is an address", (host, endpoint, authority, serverName) => {
  expect(parseTarget(host)).toEqual({
    kind: "addresses",
    addresses: [{ endpoint, authority, serverName }],
  });
});

test("A list keeps the name of each address, without blanks and empty entries", () => {
  expect(parseTarget("grpc-list://a:1, b:2,,10.0.0.1:3/")).toEqual({
    kind: "addresses",
    addresses: [
      { endpoint: tcp("a", 1), authority: "a:1", serverName: "a" },
      { endpoint: tcp("b", 2), authority: "b:2", serverName: "b" },
      { endpoint: tcp("10.0.0.1", 3), authority: "10.0.0.1:3", serverName: "10.0.0.1" },
    ],
  });
});

test("A list goes without those of its entries that are no addresses, and tells them", () => {
  const skipped: string[] = [];

  const target = parseTarget("grpc-list://a:1,b,c:0", (entry) => skipped.push(entry));

  const address = { endpoint: tcp("a", 1), authority: "a:1", serverName: "a" };
  expect(target).toEqual({ kind: "addresses", addresses: [address] });
  expect(skipped).toEqual(["b", "c:0"]);
});

test.each([
  "",
  "127.0.0.1:50051/x",
  "redis://127.0.0.1:1",
  "rpc:0",
  "rpc:65536",
  "a:1,b:2",
  "grpc-list://",
  "grpc-list://a",
  "grpc-list://a,b:0",
  "passthrough:///rpc",
  "unix:",
  "dns://rpc",
])("%p is no usable address", (host) => {
  expect(() => parseTarget(host)).toThrow("no usable RPC address");
});
