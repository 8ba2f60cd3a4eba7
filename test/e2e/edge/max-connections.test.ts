import { expect, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { handshakeText, RawExchange } from "./raw-exchange.ts";

test("Clients beyond max-conn wait without an answer, and come in in their order when others leave", async () => {
  await using server = await Cableway.start(["--public", "--max-conn=2"]);
  using first = await server.connect();
  using second = await server.connect();
  await Promise.all([first.next(), second.next()]);
  using third = new RawExchange(server).write(handshakeText(server));
  await server.fetch("/health");
  using fourth = new RawExchange(server).write(handshakeText(server));
  await server.fetch("/health");
  expect(third.text + fourth.text).toBe("");

  first.drop();
  await third.received('{"type":"welcome"');
  expect(fourth.text).toBe("");
  third.socket.destroy();

  await fourth.received('{"type":"welcome"');
});

test("A client that gives up waiting does not take the next free place", async () => {
  await using server = await Cableway.start(["--public", "--max-conn=1"]);
  using first = await server.connect();
  await first.next();
  const impatient = new RawExchange(server).write(handshakeText(server));
  await server.fetch("/health");
  using patient = new RawExchange(server).write(handshakeText(server));
  await server.fetch("/health");

  impatient.socket.destroy();
  await server.fetch("/health");
  first.drop();

  await patient.received('{"type":"welcome"');
});

test("A refused handshake takes no place", async () => {
  await using server = await Cableway.start(["--public", "--max-conn=1", "--allowed_origins=a.io"]);
  const evil = { headers: { Origin: "https://b.io" } };
  for (let i = 0; i < 3; i++) await expect(server.connect(evil)).rejects.toThrow("403");

  using client = await server.connect({ headers: { Origin: "https://a.io" } });

  expect(await client.next()).toMatchObject({ type: "welcome" });
});

test("A client that waits for a place does not hold up a shutdown", async () => {
  await using server = await Cableway.start(["--public", "--max-conn=1"]);
  using first = await server.connect();
  await first.next();
  using waiting = new RawExchange(server).write(handshakeText(server));
  await server.fetch("/health");

  server.signal();

  expect(await first.next(2000)).toEqual({
    type: "disconnect",
    reason: "server_restart",
    reconnect: true,
  });
  expect(await waiting.ended()).not.toContain("101 Switching");
  expect(await server.exited(3000)).toBe(0);
});
