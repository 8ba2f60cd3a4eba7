import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { Cableway, type CablewayOptions } from "../../support/cableway.ts";
import { jwt } from "../../support/tokens.ts";
import {
  expectMetrics,
  expectSilence,
  linesWith,
  welcomed,
  welcomedWithSid,
} from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const BARE: CablewayOptions = { isBare: true };
const HTTP = "--broadcast_adapter=http";
const PUBLIC = ["--public", "--norpc"];

// Spec "messaging", section 6: derived from the secret `qwerty`.
const DERIVED_KEY = "42923a28b760e667fc92f7c6123bb07a282822b329dd2ef48e7aee7830d98485";

/** Status, then body, of a request to the default port. */
async function answer(
  url: string,
  init: RequestInit = {},
): Promise<readonly [number, string, Headers]> {
  const response = await fetch(url, init);
  return [response.status, await response.text(), response.headers];
}

function post(body: string, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return { method: "POST", body, headers };
}

const PUBLICATION = post('{"stream":"a","data":"\\"x\\""}');

test.concurrent("messaging#1 Without a secret anybody publishes on 8090; the answer is 201 without a body", async () => {
  await using server = await Cableway.start([...PUBLIC, HTTP], BARE);
  await using plain = await Cableway.start(["--noauth", "--public_streams", "--norpc", HTTP], BARE);

  for (const { host } of [server, plain]) {
    const [status, body] = await answer(`http://${host}:8090/_broadcast`, PUBLICATION);
    expect([status, body]).toEqual([201, ""]);
  }
  using client = await welcomed(plain);
  const identifier = await client.subscribe(pubsub("a"));
  await fetch(`http://${plain.host}:8090/_broadcast`, PUBLICATION);

  expect(await client.nextText()).toBe(
    `{"identifier":${JSON.stringify(identifier)},"message":"x"}`,
  );
});

test.concurrent("messaging#2 With a memory broker a message says stream, epoch and offset, in this order", async () => {
  await using server = await Cableway.start([...PUBLIC, "--broker=memory"]);
  using client = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));
  const epoch = /Using in-memory broker \(epoch: ([\w-]{4}),/.exec(server.log)?.[1];

  await server.fetch("/_broadcast", PUBLICATION);
  await server.publish("a", [1], { broadcast_type: "zz" });

  const quoted = JSON.stringify(identifier);
  const position = (offset: number) => `"stream_id":"a","epoch":"${epoch}","offset":${offset}`;
  expect(await client.nextText()).toBe(`{"identifier":${quoted},"message":"x",${position(1)}}`);
  expect(await client.nextText()).toBe(
    `{"type":"zz","identifier":${quoted},"message":[1],${position(2)}}`,
  );
});

test.concurrent("messaging#3 Only POST publishes; OPTIONS is answered where CORS is on", async () => {
  await using plain = await Cableway.start(PUBLIC);
  await using cors = await Cableway.start([...PUBLIC, "--http_broadcast_cors"]);
  const url = (server: Cableway) => `${server.url}/_broadcast`;

  for (const method of ["GET", "OPTIONS", "HEAD", "PUT", "DELETE"]) {
    const [status, body] = await answer(url(plain), { method });
    expect([method, status, body]).toEqual([method, 422, ""]);
  }
  const [status, , headers] = await answer(url(cors), { method: "OPTIONS" });
  expect(status).toBe(200);
  expect(headers.get("access-control-allow-origin")).toBe("*");
  expect((await answer(url(cors), { method: "GET" }))[0]).toBe(422);
});

test.concurrent("messaging#4 http-transports#33 With a secret publications need its derived key, on the main port", async () => {
  await using open = await Cableway.start(["--norpc", HTTP], BARE);
  await using server = await Cableway.start(["--secret=qwerty", "--norpc", HTTP], BARE);
  const url = `${server.url}/_broadcast`;
  const bearer = (value: string) => post('{"stream":"a","data":"1"}', { Authorization: value });

  expect((await answer(`http://${open.host}:8090/_broadcast`, PUBLICATION))[0]).toBe(201);
  await open.logged(`http://${open.host}:8090/_broadcast (no authorization)`);
  expect((await answer(`${open.url}/_broadcast`, PUBLICATION))[0]).toBe(404);

  expect((await answer(url, bearer(`Bearer ${DERIVED_KEY}`)))[0]).toBe(201);
  await server.logged(`Accept broadcast requests at ${url} (authorization required)`);
  const wrong = [`bearer ${DERIVED_KEY}`, DERIVED_KEY, "Bearer", "Bearer qwerty", "Basic eDp5", ""];
  for (const value of wrong) {
    const [status, body] = await answer(url, bearer(value));
    expect([value, status, body]).toEqual([value, 401, ""]);
  }
  expect((await answer(url, PUBLICATION))[0]).toBe(401);
  expect((await answer(url))[0]).toBe(422);
});

test.concurrent("messaging#5 A key of `none` and public mode need no authorization, each on its port", async () => {
  const keyless = ["--broadcast_key=none", "--secret=s", "--norpc", HTTP];
  await using none = await Cableway.start(keyless, BARE);
  await using open = await Cableway.start(["--secret=s", ...PUBLIC, HTTP], BARE);

  expect((await answer(`http://${none.host}:8090/_broadcast`, PUBLICATION))[0]).toBe(201);
  expect((await answer(`${open.url}/_broadcast`, PUBLICATION))[0]).toBe(201);
  await open.logged(`${open.url}/_broadcast (no authorization)`);
});

test.concurrent("messaging#6 A publication that is none is taken, warned of and counted, and delivered to nobody", async () => {
  await using server = await Cableway.start(PUBLIC);
  using client = await welcomed(server);
  await client.subscribe(pubsub("a"));
  await client.subscribe(pubsub("undefined"));
  const bodies = [
    ["", "JSON Parse error: Unexpected EOF"],
    ["not json", 'JSON Parse error: Unexpected identifier \\"not\\"'],
    ['{"stream":"a","data":{}}', "data"],
    ["[]", "batch"],
    ["{}", "neither stream nor command"],
    ['""', "neither an object nor an array"],
    ['{"stream":"","data":"x"}', ""],
    ['{"stream":"a","data":"x"} x', "JSON Parse error"],
    ['{"stream":"a","data":"x","meta":"{}"}', "meta"],
    ['{"stream":"a","data":"x","offset":-1}', "offset"],
    ['{"stream":"a","data":"x","meta":{"exclude_socket":1}}', "exclude_socket"],
    ['[{"stream":"a","data":"x"},{"stream":"a","data":1}]', ""],
    ["[null]", ""],
    ['[{"command":"disconnect","payload":{"identifier":"x"}}]', ""],
    ["[".repeat(100_000), ""],
  ] as const;

  for (const [body] of bodies) {
    expect((await answer(`${server.url}/_broadcast`, post(body))).slice(0, 2)).toEqual([201, ""]);
  }

  await expectSilence(client);
  await expectMetrics(server, {
    failed_broadcast_msg_total: bodies.length,
    publications_total: 0,
    broadcast_msg_total: 0,
  });
  const warnings = linesWith(server, "WRN failed to parse pubsub message ");
  expect(warnings).toHaveLength(bodies.length);
  for (const [at, [body, reason]] of bodies.entries()) {
    expect([body.slice(0, 60), warnings[at]]).toEqual([
      body.slice(0, 60),
      expect.stringContaining(` error=`),
    ]);
    expect(warnings[at]?.split(" error=")[1]).toContain(reason);
  }
});

test.concurrent("messaging#7 A batch is delivered in its order; elements without a stream are left out", async () => {
  await using server = await Cableway.start(PUBLIC);
  using client = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));

  await server.broadcast([1, 2, 3].map((n) => ({ stream: "a", data: `${n}` })));

  for (const message of [1, 2, 3]) expect(await client.next()).toEqual({ identifier, message });
  await expectMetrics(server, { publications_total: 1, broadcast_msg_total: 3 });
  const gaps = [{ stream: "a", data: "4" }, { data: "5" }, null, { stream: "a", data: "6" }];
  await server.broadcast(gaps);
  for (const message of [4, 6]) expect(await client.next()).toEqual({ identifier, message });
  await server.logged("WRN publications without a stream skipped");
});

test.concurrent("messaging#8 Data that is JSON arrives as its value, anything else and null as text", async () => {
  await using server = await Cableway.start(PUBLIC);
  using client = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));
  const cases = [
    ["null", "null"],
    ["plain", "plain"],
    ["5", 5],
    ["", ""],
    ['"5"', "5"],
    ["{oops", "{oops"],
    [' {"b":[true,null],"a":"<&>\\u2028"} ', { b: [true, null], a: "<&>\u2028" }],
    ['{"__proto__":{"x":1}}', JSON.parse('{"__proto__":{"x":1}}')],
  ] as const;

  for (const [data, message] of cases) {
    await server.broadcast({ stream: "a", data });
    expect(await client.next()).toEqual({ identifier, message });
  }
  for (const body of ['{"stream":"a"}', '{"stream":"a","data":null,"meta":null,"x":1}']) {
    await server.fetch("/_broadcast", post(body));
    expect(await client.next()).toEqual({ identifier, message: "" });
  }
});

test.concurrent("messaging#9 The excluded session gets nothing, under none of its identifiers", async () => {
  await using server = await Cableway.start(PUBLIC);
  const { client, sid } = await welcomedWithSid(server);
  using sender = client;
  using other = await welcomed(server);
  const identifier = await other.subscribe(pubsub("a"));
  await sender.subscribe(identifier);
  await sender.subscribe(pubsub("a", { second: true }));

  await server.publish("a", 1, { exclude_socket: sid });

  expect(await other.next()).toEqual({ identifier, message: 1 });
  await expectSilence(sender);
});

test.concurrent("A disconnect command ends every session of its identifiers, and no other", async () => {
  await using server = await Cableway.start(["--jwt_secret=k", "--norpc"]);
  const arrival = (ext: string) => ({ path: `/cable?jid=${jwt("k", { ext })}` });
  using first = await welcomed(server, arrival('{"user":"1"}'));
  using second = await welcomed(server, arrival('{"user":"1"}'));
  using other = await welcomed(server, arrival('{"user":"2"}'));

  await server.disconnect('{"user":"1"}', true);

  for (const client of [first, second]) {
    expect(await client.nextText()).toBe(
      '{"type":"disconnect","reason":"remote","reconnect":true}',
    );
    expect(await client.closed()).toEqual({ code: 1000, reason: "Closed remotely" });
  }
  await expectSilence(other);
});

test.concurrent("messaging#12 A disconnect command without its payload is a warning, an unknown command nothing", async () => {
  await using server = await Cableway.start([...PUBLIC, "--debug"]);
  using client = await welcomed(server);
  const url = `${server.url}/_broadcast`;

  expect((await answer(url, post('{"command":"disconnect"}')))[0]).toBe(201);
  await server.logged("WRN failed to parse remote disconnect command");
  await expectMetrics(server, { remote_commands_total: 1, publications_total: 1 });

  expect((await answer(url, post('{"command":"foo"}')))[0]).toBe(201);
  await expectMetrics(server, { remote_commands_total: 2, publications_total: 2 });
  for (const payload of ['"x"', "{}", '{"identifier":1}', "null"]) {
    await answer(url, post(`{"command":"disconnect","payload":${payload}}`));
  }

  expect(linesWith(server, "WRN failed to parse remote disconnect command")).toHaveLength(5);
  await expectSilence(client);
});

test.concurrent("A publication above the limit is answered 413, before it is read or at the limit, and the connection closed", async () => {
  await using server = await Cableway.start([...PUBLIC, "--broadcast_max_body_size=1000"]);
  using client = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));
  const sized = (bytes: number) => {
    const [head, tail] = ['{"stream":"a","data":"', '"}'];
    return `${head}${"x".repeat(bytes - head.length - tail.length)}${tail}`;
  };

  expect((await answer(`${server.url}/_broadcast`, post(sized(1000))))[0]).toBe(201);
  expect(await client.next()).toMatchObject({ identifier });
  for (const path of ["/_broadcast", "/api/publish"]) {
    const [status, body] = await answer(`${server.url}${path}`, post(sized(1001)));
    expect([path, status, body]).toEqual([path, 413, ""]);
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n`;
    const announced = await exchange(server, `${head}Content-Length: 1001\r\n\r\n`);
    const chunk = `3e9\r\n${sized(1001)}\r\n`;
    const streamed = await exchange(server, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    for (const response of [announced, streamed]) {
      expect(response).toMatch(/^HTTP\/1\.1 413 /);
      expect(response).toMatch(/\r\nConnection: close\r\n/i);
    }
  }
  await expectSilence(client);
  await expectMetrics(server, { publications_total: 1, failed_broadcast_msg_total: 0 });
});

test.concurrent("A publication of some megabytes is delivered whole", async () => {
  await using server = await Cableway.start(PUBLIC);
  using client = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));
  const data = "ю".repeat(2 * 1024 * 1024);

  await server.publish("a", data);

  expect(await client.next()).toEqual({ identifier, message: data });
});

test.concurrent("The path matches as a whole; other paths of the port are 404", async () => {
  const options = [...PUBLIC, "--http_broadcast_path=/p"];
  await using server = await Cableway.start(options);

  const status = async (path: string) => (await answer(`${server.url}${path}`, PUBLICATION))[0];

  expect(await status("/p")).toBe(201);
  expect(await status("/p?x=1")).toBe(201);
  for (const path of ["/_broadcast", "/p/", "/P", "/%70", "/p/x"]) {
    expect([path, await status(path)]).toEqual([path, 404]);
  }
});

/** Sends these bytes and reads the answer up to the end of the connection. */
function exchange({ host, port }: Cableway, bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = "";
  const socket = connect(port, host, () => socket.write(bytes));
  socket.on("data", (chunk) => {
    received += chunk;
  });
  socket.once("close", () => resolve(received));
  socket.once("error", () => resolve(received));
  const late = (): void => reject(new Error(`still open: ${received}`));
  const timer = setTimeout(late, 5000);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
