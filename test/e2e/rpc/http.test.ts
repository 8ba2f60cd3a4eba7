import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { CHAT, WELCOME } from "../../support/grpc-backend.ts";
import {
  defaultAnswer,
  type HttpAnswer,
  HttpBackendServer,
  type HttpCall,
  json,
} from "../../support/http-backend.ts";
import { rejection } from "../../support/rejection.ts";
import { confirmed, perform } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const AUTH_ERROR = "closed with 1011 Auth Error";
const KEY = "08ac56f1562c6377ddd5d2d55cee2e35e117a55959d6a6ea3a63548ef0a7e559";

async function startBackend(
  answer: (call: HttpCall, number: number) => HttpAnswer = defaultAnswer,
): Promise<HttpBackendServer & AsyncDisposable> {
  const backend = await new HttpBackendServer().start();
  backend.answer = answer;
  return Object.assign(backend, { [Symbol.asyncDispose]: () => backend.stop() });
}

function start(backend: HttpBackendServer, ...options: string[]): Promise<Cableway> {
  return Cableway.start([`--rpc_host=${backend.url}`, ...options]);
}

/** How one connection ends, or the first text it gets. */
async function outcome(server: Cableway): Promise<string> {
  using client = await server.connect({ path: "/cable?pi=0" });
  try {
    return await client.nextText();
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

test.concurrent("rpc#5 Connect is a POST below the base path, with the session id and the protocol version as headers", async () => {
  await using backend = await startBackend();
  await using server = await Cableway.start([`--rpc_host=${backend.url}/`]);

  using client = await server.connect({ headers: { "X-Request-ID": "r1" } });
  expect(await client.nextText()).toBe(WELCOME);

  const [call] = backend.calls;
  expect([call?.method, call?.path]).toEqual(["POST", "/_anycable/connect"]);
  expect(call?.headers).toMatchObject({
    "content-type": "application/json",
    "x-anycable-meta-sid": "r1",
    "x-anycable-meta-protov": "v1",
  });
});

test.concurrent("rpc#6 The application's key is derived from the secret, replaced by an own one, or left out", async () => {
  await using backend = await startBackend();
  const secrets = [
    [[], `Bearer ${KEY}`],
    [["--http_rpc_secret=own"], "Bearer own"],
    [["--http_rpc_secret=none"], undefined],
  ] as const;

  for (const [options, expected] of secrets) {
    await using server = await start(backend, "--secret=s3Krit", ...options);
    expect(await outcome(server)).toBe(WELCOME);
    const connect = backend.calls.findLast(({ path }) => path.endsWith("/connect"));
    expect([options, connect?.headers["authorization"]]).toEqual([options, expected]);
  }
});

test.concurrent("rpc#8 The body of Connect is the request, the given headers and the address, and nothing else", async () => {
  await using backend = await startBackend();
  await using server = await start(backend);
  const Host = "localhost:8080";

  using client = await server.connect({ headers: { Host, Cookie: "a=1" } });
  await client.next();

  expect(backend.calls[0]?.text).toBe(
    '{"env":{"url":"http://localhost:8080/cable","headers":{"REMOTE_ADDR":"127.0.0.1","cookie":"a=1"}}}',
  );
});

test.concurrent("rpc#9 An action with empty data is asked without data", async () => {
  await using backend = await startBackend();
  await using server = await start(backend);
  using client = await server.connect();
  await client.next();
  client.send({ command: "subscribe", identifier: CHAT });
  expect(await client.nextText()).toBe(confirmed(CHAT));

  client.send(perform(CHAT, ""));
  await backend.until(() => backend.calls.length === 3);

  const body = JSON.parse(backend.calls[2]?.text ?? "");
  expect(Object.keys(body)).toEqual(["command", "identifier", "connection_identifiers", "env"]);
  expect(body).toMatchObject({ command: "message", identifier: CHAT });
});

test.concurrent("rpc#13 A state whose last key was deleted is not sent", async () => {
  const set = {
    status: 1,
    identifiers: "me",
    transmissions: [WELCOME],
    env: { cstate: { a: "1" } },
  };
  const cleared = { status: 1, transmissions: ["done"], env: { cstate: { a: "" } } };
  await using backend = await startBackend(({ path }) =>
    json(path.endsWith("/connect") ? set : cleared),
  );
  await using server = await start(backend);
  using client = await server.connect();
  await client.next();

  for (const identifier of ["a", "b"]) {
    client.send({ command: "subscribe", identifier });
    expect(await client.nextText()).toBe("done");
  }

  const envs = backend.calls.slice(1, 3).map(({ text }) => JSON.parse(text).env);
  expect(envs[0].cstate).toEqual({ a: "1" });
  expect(Object.keys(envs[1])).toEqual(["url", "headers"]);
});

test.concurrent("rpc#22 Errors of the application are logged with the start of their body, refused keys without it", async () => {
  const bodies = [
    [401, "very private", "http returned 401"],
    [422, `${"x".repeat(100)}${"y".repeat(200)}`, `${"x".repeat(100)}...(200)`],
    [400, "bad one", "bad one"],
    [500, "z".repeat(101), `${"z".repeat(100)}...(1)`],
  ] as const;

  for (const [status, body, text] of bodies) {
    await using backend = await startBackend(() => ({ status, body }));
    await using server = await start(backend);
    expect(await outcome(server)).toBe(AUTH_ERROR);
    await server.logged("WebSocket session failed");
    expect([status, server.log.includes(text)]).toEqual([status, true]);
    expect(server.log).not.toMatch(/very private|yyy/);
  }
});

test.concurrent("rpc#23 Only a JSON object with a number as status is an answer", async () => {
  const bodies: readonly (readonly [string, string])[] = [
    ['{"status":"SUCCESS","transmissions":["hi"]}', AUTH_ERROR],
    ['{"status":1.5,"transmissions":["hi"]}', AUTH_ERROR],
    ['{"status":3,"transmissions":["hi"]}', AUTH_ERROR],
    ['{"status":1,"transmissions":"hi"}', AUTH_ERROR],
    ['{"status":1,"transmissions":[5]}', AUTH_ERROR],
    ['{"status":1,"env":{"cstate":{"a":1}}}', AUTH_ERROR],
    ['{"status":1,"transmissions":["hi"]} x', AUTH_ERROR],
    ["", AUTH_ERROR],
    ["null", AUTH_ERROR],
    ["{}", AUTH_ERROR],
    ["[]", AUTH_ERROR],
    ['{"status":1,"extra":{"a":[1]},"transmissions":["hi"]}', "hi"],
    ['{"status":1,"env":null,"identifiers":null,"transmissions":["hi"]}', "hi"],
    ['{"status":1,"extra":true,"transmissions":null}', "no message in time"],
  ];
  let body = "";
  await using backend = await startBackend((call) =>
    call.path.endsWith("/connect") ? { body } : defaultAnswer(call),
  );
  await using server = await start(backend);

  for (const [answer, expected] of bodies) {
    body = answer;
    expect([answer, await outcome(server)]).toEqual([answer, expected]);
  }
});

test.concurrent("rpc#24 Cut connections open the circuit breaker; half open it lets calls through, five close it", async () => {
  let isCut = true;
  await using backend = await startBackend((call) => (isCut ? "cut" : defaultAnswer(call)));
  await using server = await start(backend, "--rpc_command_timeout=50", "--disconnect_mode=never");

  for (let n = 0; n < 10; n += 1) expect(await outcome(server)).toBe(AUTH_ERROR);
  await server.logged(/WRN circuit breaker is open .*name=httrpc/);
  const before = backend.calls.length;
  expect(before).toBe(10);
  expect(await outcome(server)).toBe(AUTH_ERROR);
  await server.logged("http rpc is temporarily unavailable");
  expect(backend.calls).toHaveLength(before);

  isCut = false;
  await Bun.sleep(5100);
  for (let n = 0; n < 5; n += 1) expect(await outcome(server)).toBe(WELCOME);
  await server.logged(/INF circuit breaker is closed .*name=httrpc/);
});

test.concurrent("rpc#25 Answers with a bad status do not open the circuit breaker", async () => {
  for (const status of [500, 401]) {
    await using backend = await startBackend(() => ({ status, body: "" }));
    await using server = await start(backend);
    for (let n = 0; n < 20; n += 1) expect(await outcome(server)).toBe(AUTH_ERROR);
    expect(backend.calls).toHaveLength(20);
    expect(server.log).not.toContain("circuit breaker is open");
  }
});

test.concurrent("rpc#42 A request that runs when the server closes its session is closed too", async () => {
  await using backend = await startBackend((call) =>
    call.text.startsWith('{"command":"subscribe"') ? "hang" : defaultAnswer(call),
  );
  await using server = await start(backend);
  using client = await server.connect();
  await client.next();
  client.send({ command: "subscribe", identifier: CHAT });
  await backend.until(() => backend.calls.length === 2);

  await server.disconnect("me");
  await backend.until(() => backend.aborted === 1 && backend.calls.length === 3);

  expect(await rejection(client.nextText().then(() => client.nextText()))).toContain("1000");
  const disconnect = JSON.parse(backend.calls[2]?.text ?? "");
  expect(disconnect).not.toHaveProperty("subscriptions");
  await server.metricReaches("rpc_canceled_total", 1);
  expect(await server.metric("rpc_error_total")).toBe(0);
});

test.concurrent("The log at debug tells what the application answered", async () => {
  await using backend = await startBackend();
  await using server = await start(backend, "--debug", "--http_rpc_secret=s3cret");
  using client = await server.connect({ headers: { "X-Request-ID": "r7" } });
  expect(await client.nextText()).toBe(WELCOME);

  client.send({ command: "subscribe", identifier: CHAT });
  expect(await client.nextText()).toBe(confirmed(CHAT));

  await server.logged("controller subscribe");
  const lines = server.log.split("\n").filter((line) => line.includes("DBG controller "));
  expect(lines[0]).toContain("context=node sid=r7 response.status=success response.transmissions=");
  expect(lines[1]).toContain("controller subscribe");
  expect(server.log).not.toContain("s3cret");
});

test.concurrent("Clients with a request id beyond Latin-1 are asked about like any other, and shut nobody out", async () => {
  await using backend = await startBackend();
  await using server = await start(backend);

  for (let count = 0; count < 12; count++) {
    using client = await server.connect({ headers: { "X-Request-ID": "ż" } });
    expect(await client.nextText()).toBe(WELCOME);
  }

  // the HTTP library tells one character for each byte
  const sid = backend.calls[0]?.headers["x-anycable-meta-sid"] ?? "";
  expect(Buffer.from(sid, "latin1").toString()).toBe("ż");
  expect(await outcome(server)).toBe(WELCOME);
});
