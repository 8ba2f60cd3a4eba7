import { expect } from "bun:test";
import type { Cableway } from "./cableway.ts";
import type { RawClient, SeenClose } from "./raw-client.ts";
import type { RawClientOptions } from "./raw-handshake.ts";

/** How a test's client comes; the server adds host and port. */
export type Arrival = Omit<RawClientOptions, "host" | "port">;

/** A client that the server has let in: its welcome is read. @throws for anything else as the first message */
export async function welcomed(server: Cableway, arrival: Arrival = {}): Promise<RawClient> {
  return (await welcomedWithSid(server, arrival)).client;
}

/** The same, with the session id its welcome names. */
export async function welcomedWithSid(
  server: Cableway,
  arrival: Arrival = {},
): Promise<{ readonly client: RawClient; readonly sid: string }> {
  const client = await server.connect(arrival);
  const welcome = (await client.next()) as { readonly type?: string; readonly sid?: string }; // checked below
  if (welcome.type !== "welcome") throw new Error(`no welcome: ${JSON.stringify(welcome)}`);
  return { client, sid: welcome.sid ?? "" };
}

/** What a client sees that is not let in. */
export interface Refusal {
  readonly texts: readonly string[];
  readonly close: SeenClose;
}

/** Comes, and reads everything up to the end of the connection. */
export async function refusalOf(server: Cableway, arrival: Arrival = {}): Promise<Refusal> {
  using client = await server.connect(arrival);
  const texts = await client.within(5000);
  return { texts, close: await client.closed() };
}

/** How the server ends the connection of a client that may not come in. */
export const AUTH_FAILED: SeenClose = { code: 1000, reason: "Auth Failed" };
export const AUTH_ERROR: SeenClose = { code: 1011, reason: "Auth Error" };

/** Subscribes and expects exactly a rejection; the connection goes on. */
export async function expectRejected(client: RawClient, identifier: string): Promise<void> {
  client.send({ command: "subscribe", identifier });
  expect(await client.next()).toEqual({ type: "reject_subscription", identifier });
}

/** Nothing but pings has come: everything sent before has been handled, as the pong shows. */
export async function expectSilence(client: RawClient): Promise<void> {
  client.send({ command: "ping" });
  expect(await client.next()).toEqual({ type: "pong" });
}

/** Waits until metrics have these values, all at the same time; says the difference otherwise. */
export async function expectMetrics(
  server: Cableway,
  expected: Readonly<Record<string, number>>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  let seen: Record<string, number | undefined>;
  do {
    const metrics = await server.metrics();
    seen = Object.fromEntries(Object.keys(expected).map((name) => [name, metrics.get(name)]));
    if (Bun.deepEquals(seen, expected)) return;
    await Bun.sleep(10);
  } while (performance.now() < deadline);
  expect(seen).toEqual(expected);
}

/** Lines of the log that hold every one of these pieces. */
export function linesWith(server: Cableway, ...pieces: readonly string[]): readonly string[] {
  const lines = server.log.split("\n");
  return lines.filter((line) => pieces.every((piece) => line.includes(piece)));
}
