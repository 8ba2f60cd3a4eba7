import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Cableway } from "../../support/cableway.ts";

test("A port is listened to by several sockets, so that a crowd finds room", async () => {
  await using server = await Cableway.start(["--public"]);

  expect(listeningSockets(server.port)).toBeGreaterThanOrEqual(8);
});

test("A port in use is an error, although sockets may share ports", async () => {
  await using server = await Cableway.start(["--public"]);
  const { host, port } = server;

  const { exitCode, output } = await Cableway.run(["--public"], { host, port });

  expect(exitCode).toBe(1);
  expect(output).toContain(
    `WebSocket server at http://${host}:${port} stopped: ` +
      `listen tcp ${host}:${port}: bind: address already in use`,
  );
});

test("A port can be used again as soon as the server has gone, clients or not", async () => {
  await using server = await Cableway.start(["--public"]);
  const { host, port } = server;
  using client = await server.connect();
  await client.next();

  server.signal();
  expect(await server.exited()).toBe(0);

  await using again = await Cableway.start(["--public"], { host, port });
  using second = await again.connect();
  expect(await second.next()).toMatchObject({ type: "welcome" });
});

/** Sockets in the state LISTEN on this port of any address. */
function listeningSockets(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields.filter(([, local = "", , state]) => local.endsWith(suffix) && state === "0A")
    .length;
}
