import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { AUTH_FAILED, refusalOf, welcomed, welcomedWithSid } from "../../support/welcomed.ts";
import { BASE, EXT, pubsub, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const EXTENDED = { subprotocol: EXT };
const PUBLIC = ["--public", "--norpc", "--broker=memory"];

test.concurrent("messaging#26 A client that was refused cannot come back by the id it chose", async () => {
  await using application = await Application.start({
    connect: () => ({ status: 2, transmissions: [UNAUTHORIZED] }),
  });
  await using server = await Cableway.start(["--broker=memory", application.option]);
  const refused = { texts: [UNAUTHORIZED], close: AUTH_FAILED };
  const first = { ...EXTENDED, headers: { "X-Request-ID": "foo" } };

  expect(await refusalOf(server, first)).toEqual(refused);
  expect(await refusalOf(server, { ...EXTENDED, path: "/cable?sid=foo" })).toEqual(refused);

  expect(application.named("connect")).toHaveLength(2);
});

test.concurrent("messaging#27 A session comes back as often as its client wants, until its time is over", async () => {
  await using server = await Cableway.start([...PUBLIC, "--sessions_ttl=2", "--debug"]);
  const { client, sid } = await welcomedWithSid(server, EXTENDED);
  await client.subscribe(pubsub("a"));
  client.drop();
  await server.logged("WebSocket session completed");
  const ways = [{ path: `/cable?sid=${sid}` }, { headers: { "X-ANYCABLE-RESTORE-SID": sid } }];

  for (const way of ways) {
    using returned = await server.connect({ ...EXTENDED, ...way });
    const welcome = { type: "welcome", restored: true, restored_ids: [pubsub("a")] };
    expect(await returned.next()).toMatchObject(welcome);
    await server.publish("a", 1);
    expect(await returned.next()).toMatchObject({ identifier: pubsub("a"), message: 1 });
  }

  await Bun.sleep(3200); // its time, and the second until the next look
  using late = await server.connect({ ...EXTENDED, path: `/cable?sid=${sid}` });
  expect(await late.next()).toEqual({ type: "welcome", sid: expect.any(String) });
  await server.logged(/DBG session not found in cache .*old_sid=/);
});

test.concurrent("A connected session is remembered beyond its time; one of the base protocol never", async () => {
  await using server = await Cableway.start([...PUBLIC, "--sessions_ttl=1"]);
  const extended = await welcomedWithSid(server, EXTENDED);
  const base = await welcomedWithSid(server, { subprotocol: BASE });
  using _first = extended.client;
  using _second = base.client;
  await extended.client.subscribe(pubsub("a"));

  await Bun.sleep(2500);

  const back = (sid: string) => server.connect({ ...EXTENDED, path: `/cable?sid=${sid}` });
  using returned = await back(extended.sid);
  using stranger = await back(base.sid);
  expect(await returned.next()).toMatchObject({ restored: true, restored_ids: [pubsub("a")] });
  expect(await stranger.next()).not.toHaveProperty("restored");
});

test.concurrent("A stream that was left is not given back", async () => {
  await using server = await Cableway.start([...PUBLIC, "--debug"]);
  const { client, sid } = await welcomedWithSid(server, EXTENDED);
  await client.subscribe(pubsub("a"));
  await client.subscribe(pubsub("b"));
  client.send({ command: "unsubscribe", identifier: pubsub("a") });
  client.drop();
  await server.logged("WebSocket session completed");

  using returned = await server.connect({ ...EXTENDED, path: `/cable?sid=${sid}` });

  expect(await returned.next()).toMatchObject({ restored: true, restored_ids: [pubsub("b")] });
});

test.concurrent("Without sessions to remember a client is a new one", async () => {
  for (const options of [
    ["--public", "--norpc"],
    [...PUBLIC, "--sessions_ttl=0"],
  ]) {
    await using server = await Cableway.start(options);
    const { client, sid } = await welcomedWithSid(server, EXTENDED);
    client.drop();

    using returned = await server.connect({ ...EXTENDED, path: `/cable?sid=${sid}` });

    expect(await returned.next()).toEqual({ type: "welcome", sid: expect.any(String) });
    (await welcomed(server)).drop();
  }
});
