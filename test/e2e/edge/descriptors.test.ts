import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Cableway } from "../../support/cableway.ts";
import { handshakeText, RawExchange } from "./raw-exchange.ts";

const WITH_200_FILES = ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh"];

test("Clients beyond the limit of open files are refused with 503, and taken again when others have gone", async () => {
  await using server = await Cableway.start(["--public"], { through: WITH_200_FILES });
  await server.logged("open file limit: 200");
  const crowd: RawExchange[] = [];
  try {
    for (let i = 0; i < 180; i++) {
      const exchange = new RawExchange(server).write(handshakeText(server));
      crowd.push(exchange);
      await exchange.received("\r\n\r\n");
    }
    const statuses = crowd.map(({ text }) => text.slice(9, 12));
    expect(statuses.filter((status) => status === "101").length).toBeGreaterThan(50);
    expect(statuses.at(-1)).toBe("503");
    expect(crowd.at(-1)?.text).toContain("Connection: close");
    await server.logged("too many open files, new connections are refused");
  } finally {
    for (const { socket } of crowd) socket.destroy();
  }

  await server.logged("new connections are accepted again");
  using client = await server.connect();
  expect(await client.next()).toMatchObject({ type: "welcome" });
}, 20_000);

test("Silent connections up to the limit of open files neither end the server nor keep it busy for ever", async () => {
  await using server = await Cableway.start(["--public"], { through: WITH_200_FILES });
  using member = await server.connect();
  await member.next();

  const crowd = Array.from({ length: 300 }, () => new RawExchange(server));
  try {
    await server.logged("too many open files, new connections are refused");
    member.send({ command: "ping" });
    expect(await member.next()).toEqual({ type: "pong" });
  } finally {
    for (const { socket } of crowd) socket.destroy();
  }
  await server.logged("new connections are accepted again");

  using client = await server.connect();
  expect(await client.next()).toMatchObject({ type: "welcome" });
  const before = cpuTicks(server);
  await Bun.sleep(500); // a spinning server would use all of it
  expect(cpuTicks(server) - before).toBeLessThan(20);
}, 20_000);

/** Ticks of 10 ms that the process has computed. */
function cpuTicks(server: Cableway): number {
  const fields = readFileSync(`/proc/${server.process.pid}/stat`, "utf8")
    .split(") ")[1]
    ?.split(" ");
  return Number(fields?.[11]) + Number(fields?.[12]);
}
