import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { createResolver } from "../../../../src/controllers/rpc/grpc/resolver.ts";
import { parseTarget } from "../../../../src/controllers/rpc/grpc/target.ts";

/** A name server that knows `rpc.test` with two IPv4 addresses, and nothing else. */
async function nameServer(): Promise<{ readonly port: number } & Disposable> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, end);
    const isA = question.readUInt16BE(question.length - 4) === 1;
    const isKnown = question.includes("rpc") && question.includes("test");
    const ips = isA && isKnown ? ["10.0.0.1", "10.0.0.2"] : [];
    socket.send(dnsAnswer(query, question, ips), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, [Symbol.dispose]: () => socket.close() };
}

function dnsAnswer(query: Buffer, question: Buffer, ips: readonly string[]): Buffer {
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(ips.length, 6);
  head.writeUInt32BE(0, 8);
  const records = ips.map((ip) =>
    Buffer.concat([
      Buffer.from("c00c000100010000001e0004", "hex"),
      Buffer.from(ip.split(".").map(Number)),
    ]),
  );
  return Buffer.concat([head, question, ...records]);
}

test("A name gives all its addresses, with the name for TLS and the host as written", async () => {
  using dns = await nameServer();
  const resolver = createResolver(parseTarget(`dns://127.0.0.1:${dns.port}/rpc.test:50051`));

  expect(resolver.isDynamic).toBe(true);
  expect(await resolver.resolve()).toEqual(
    ["10.0.0.1", "10.0.0.2"].map((host) => ({
      endpoint: { kind: "tcp", host, port: 50051 },
      authority: "rpc.test:50051",
      serverName: "rpc.test",
    })),
  );
});

test("A name that nobody knows is a failure", async () => {
  using dns = await nameServer();
  const resolver = createResolver(parseTarget(`dns://127.0.0.1:${dns.port}/other.test:50051`));

  await expect(resolver.resolve()).rejects.toThrow();
});

test("The system's names are known", async () => {
  const addresses = await createResolver(parseTarget("localhost:1")).resolve();

  expect(addresses.map(({ endpoint }) => endpoint)).toContainEqual({
    kind: "tcp",
    host: "127.0.0.1",
    port: 1,
  });
});

test("Fixed addresses are not worth a second question", async () => {
  const resolver = createResolver(parseTarget("grpc-list://a:1,b:2"));

  expect(resolver.isDynamic).toBe(false);
  expect((await resolver.resolve()).map(({ authority }) => authority)).toEqual(["a:1", "b:2"]);
});
