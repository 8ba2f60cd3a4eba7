import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway, freePort, loopbackAddress } from "../../support/cableway.ts";
import { expectMetrics, expectSilence, welcomed, welcomedWithSid } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const PUBLIC = ["--public", "--norpc"];

// Spec "http-transports", section 9: derived from the secret `qwerty`.
const DERIVED_KEY = "bdd0244b3664404d03b7d0c2f1b946dc4fc6c13fdcbfa2be62a4a28deb04d096";
const KEY = { Authorization: `Bearer ${DERIVED_KEY}` };

/** Status and body. */
async function answer(server: Cableway, path: string, init: RequestInit = {}) {
  const response = await server.fetch(path, init);
  return [response.status, await response.text()];
}

test.concurrent("http-transports#30 The API publishes for those who have its key; what it cannot read is counted", async () => {
  await using server = await Cableway.start(["--secret=qwerty", "--norpc"]);
  const post = (body: string, headers = {}) =>
    answer(server, "/api/publish", { method: "POST", body, headers });

  expect(await post('{"stream":"a","data":"1"}', KEY)).toEqual([201, ""]);
  expect(await post('{"stream":"a","data":"1"}')).toEqual([401, ""]);
  expect(await answer(server, "/api/publish", { headers: KEY })).toEqual([422, ""]);
  expect(await answer(server, "/api/publish")).toEqual([422, ""]);
  expect(await post("{garbage", KEY)).toEqual([201, ""]);

  await expectMetrics(server, { publications_total: 1, failed_broadcast_msg_total: 1 });
  await server.logged("WRN failed to parse pubsub message");
  await server.logged(`INF Handle API requests at ${server.url}/api (authorization required)`);
});

test.concurrent("The API takes what broadcasters take: publications, batches, options and commands", async () => {
  await using server = await Cableway.start(PUBLIC);
  const { client, sid } = await welcomedWithSid(server);
  using sender = client;
  using other = await welcomed(server);
  const identifier = await other.subscribe(pubsub("a"));
  await sender.subscribe(identifier);
  const post = (body: unknown) =>
    answer(server, "/api/publish", { method: "POST", body: JSON.stringify(body) });

  await post({ stream: "a", data: "1", meta: { exclude_socket: sid, broadcast_type: "t" } });
  await post([2, 3].map((n) => ({ stream: "a", data: `${n}` })));
  await post({ command: "disconnect", payload: { identifier: `{"sid":"${sid}"}` } });

  expect(await other.next()).toEqual({ type: "t", identifier, message: 1 });
  for (const client of [other, sender]) {
    expect(await client.next()).toEqual({ identifier, message: 2 });
    expect(await client.next()).toEqual({ identifier, message: 3 });
  }
  expect(await sender.next()).toEqual({ type: "disconnect", reason: "remote", reconnect: false });
  await expectSilence(other);
  await expectMetrics(server, { publications_total: 3 });
});

test.concurrent("http-transports#31 The API tells who is present in a stream of any name", async () => {
  await using server = await Cableway.start([...PUBLIC, "--broker=memory"]);
  using client = await welcomed(server);
  for (const [stream, id] of [
    ["chat/1", "7"],
    ["кот", "8"],
    ["100%", "9"],
    ["__proto__", "10"],
  ] as const) {
    await client.subscribe(pubsub(stream), { presence: { id, info: { of: stream } } });
    await client.next();
    const path = `/api/presence/${encodeURIComponent(stream)}/users`;
    const response = await server.fetch(path);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "application/json",
    ]);
    const records = [{ info: { of: stream }, id }];
    expect(await response.json()).toEqual({ type: "info", total: 1, records });
  }

  expect(await answer(server, "/api/presence/nobody/users")).toEqual([
    200,
    '{"type":"info","total":0}',
  ]);
  const lost = ["x", "x/", "x/users/", "chat/1/users", "/users", "%ff/users", "x/user", ""];
  for (const path of lost) {
    expect([path, await answer(server, `/api/presence/${path}`)]).toEqual([path, [404, ""]]);
  }
});

test.concurrent("Presence is asked for with GET and the key; without a store there is none", async () => {
  await using server = await Cableway.start(["--secret=qwerty", "--norpc", "--broker=memory"]);
  await using none = await Cableway.start(PUBLIC);
  const path = "/api/presence/a/users";

  for (const method of ["POST", "OPTIONS", "HEAD", "PUT"]) {
    expect([method, await answer(server, path, { method })]).toEqual([method, [422, ""]]);
  }
  expect(await answer(server, path)).toEqual([401, ""]);
  expect(await answer(server, path, { headers: KEY })).toEqual([200, '{"type":"info","total":0}']);
  expect(await answer(none, path)).toEqual([501, ""]);
});

test.concurrent("The API has its own path and port where they are given", async () => {
  const host = loopbackAddress();
  const port = await freePort(host);
  const where = [`--api_port=${port}`, "--api_path=/v1", "--api_secret=s"];
  await using server = await Cableway.start(["--norpc", ...where], { host });
  const url = `http://${host}:${port}`;
  const publish = (base: string, path: string) =>
    fetch(`${base}${path}`, {
      method: "POST",
      body: '{"stream":"a","data":"1"}',
      headers: { Authorization: "Bearer s" },
    }).then(({ status }) => status);

  expect(await publish(url, "/v1/publish")).toBe(201);
  for (const path of ["/api/publish", "/v1/publish/", "/v1/Publish", "/v1"]) {
    expect([path, await publish(url, path)]).toEqual([path, 404]);
  }
  expect(await publish(server.url, "/v1/publish")).toBe(404);
  expect((await fetch(`${url}/health`)).status).toBe(404);
  await server.logged(`INF Handle API requests at ${url}/v1 (authorization required)`);
});
