import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { askJetStream, askServerName } from "../../../src/clients/embedded-nats/raw-request.ts";
import { CLOCK, HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import { freePort } from "../../support/redis-server.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function to(port: number, timeoutMs = 2000) {
  return { address: { host: "127.0.0.1", port }, timeoutMs, clock: CLOCK };
}

async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("askServerName reads the name from a greeting that comes in pieces", async () => {
  const port = await serve((socket) => {
    socket.write('INFO {"server_id":"N","server_');
    setImmediate(() => socket.write('name":"the \\"first\\" ✓","version":"2.15.1"} \r\n'));
  });

  expect(await askServerName(to(port))).toBe('the "first" ✓');
});

test("askServerName gets nothing from a closed port, another protocol, and a server that is silent or hangs up", async () => {
  const silent = await serve((socket) => cleanups.push(() => socket.destroy()));
  const other = await serve((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const rude = await serve((socket) => socket.destroy());

  const broken = await serve((socket) => socket.write("INFO {server_name} \r\n"));
  const answers = [await freePort(), other, rude, broken].map((port) => askServerName(to(port)));
  expect(await Promise.all(answers)).toEqual([null, null, null, null]);
  expect(await askServerName(to(silent, 20))).toBeNull();
});

describe.skipIf(!HAS_NATS)(natsTitle("askJetStream"), () => {
  test("askJetStream tells a server with JetStream from one without", async () => {
    const [plain, stored] = [await NatsServer.start(), await NatsServer.startJetStream()];
    cleanups.push(
      () => plain.stop(),
      () => stored.stop(),
    );

    expect(await askJetStream(to(stored.port), "_INBOX.a")).toBe(true);
    expect(await askJetStream(to(plain.port, 100), "_INBOX.a")).toBe(false);
  });
});
