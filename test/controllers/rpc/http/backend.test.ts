import { expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { createCertificates } from "../../../support/certificates.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { CHAT, confirmation, WELCOME } from "../../../support/grpc-backend.ts";
import {
  defaultAnswer,
  type HttpAnswer,
  HttpBackendServer,
  json,
} from "../../../support/http-backend.ts";
import { DEFAULTS, NEVER, openRoom, someClient } from "../room.ts";

const WELCOMED = { status: 1, identifiers: "me", transmissions: [WELCOME] };

async function application(answer?: HttpBackendServer["answer"]) {
  const backend = await new HttpBackendServer().start();
  if (answer !== undefined) backend.answer = answer;
  return Object.assign(backend, { [Symbol.asyncDispose]: () => backend.stop() });
}

/** The result of a connect to an application that always answers like this. */
async function connectTo(answer: HttpAnswer) {
  await using backend = await application(() => answer);
  await using room = await openRoom({ host: backend.url });
  const result = await room.controller.authenticate(someClient(), NEVER);
  return { result, counts: room.counts(), calls: backend.calls };
}

test("A connect, a subscribe and a disconnect are POSTs below the base, with the headers of the page", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: `${backend.url}/`, secret: "s3cret" });
  const client = someClient({ identifiers: "me" });

  const connected = await room.controller.authenticate(client, NEVER);
  const subscribed = await room.controller.subscribe(client, CHAT, NEVER);
  await room.controller.disconnect(client, [CHAT]);

  expect(connected).toMatchObject({ status: "success", identifiers: "me" });
  expect(subscribed).toMatchObject({ effects: { transmissions: [confirmation(CHAT)] } });
  expect(backend.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "POST /_anycable/connect",
    "POST /_anycable/command",
    "POST /_anycable/disconnect",
  ]);
  expect(backend.calls[0]?.headers).toMatchObject({
    "content-type": "application/json",
    "user-agent": "cableway",
    authorization: "Bearer s3cret",
    "x-anycable-meta-sid": "s1",
    "x-anycable-meta-protov": "v1",
  });
  expect(room.counts()).toEqual({ call: 3, retries: 0, error: 0, timeout: 0, canceled: 0 });
});

test("Without a secret there is no Authorization, with a user in the base it is Basic", async () => {
  await using backend = await application();
  await using plain = await openRoom({ host: backend.url });
  await using basic = await openRoom({ host: `http://u:p@127.0.0.1:${backend.port}/x` });

  await plain.controller.authenticate(someClient(), NEVER);
  await basic.controller.authenticate(someClient(), NEVER);

  expect(backend.calls.map(({ headers }) => headers["authorization"])).toEqual([
    undefined,
    `Basic ${btoa("u:p")}`,
  ]);
});

test.each([
  [401, "secret stuff", "Unauthenticated", "http returned 401"],
  [400, "bad one", "InvalidArgument", "bad one"],
  [422, `${"x".repeat(100)}${"y".repeat(200)}`, "InvalidArgument", `${"x".repeat(100)}...(200)`],
  [500, "oops", "Unknown", "oops"],
  [503, "", "Unknown", ""],
  [404, "lost", "Unknown", "lost"],
  [201, "{}", "Unknown", "{}"],
])("Status %i is final and tells its text (rpc#21, rpc#22)", async (status, body, code, text) => {
  const { result, counts } = await connectTo({ status, body });

  const error = `rpc error: code = ${code} desc = ${text}`;
  expect(result).toEqual({ status: "error", error });
  expect(counts).toEqual({ call: 1, retries: 0, error: 1, timeout: 0, canceled: 0 });
});

test("A body that is no answer is an error without a second attempt", async () => {
  const { result, counts } = await connectTo({ body: '{"status":"SUCCESS"}' });

  expect(result).toMatchObject({ status: "error" });
  expect(counts).toMatchObject({ retries: 0, error: 1 });
});

test("A cut connection is tried again after 100 ms", async () => {
  await using backend = await application((call, number) =>
    number === 1 ? "cut" : defaultAnswer(call),
  );
  await using room = await openRoom({ host: backend.url });
  const startMs = performance.now();

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result.status).toBe("success");
  expect(performance.now() - startMs).toBeWithin(100, 1000);
  expect(room.counts()).toEqual({ call: 1, retries: 1, error: 0, timeout: 0, canceled: 0 });
});

test("A refused connection is tried again with a base of 100 ms (rpc#21)", async () => {
  const backend = await new HttpBackendServer().start();
  await backend.stop();
  await using room = await openRoom({ host: backend.url, commandTimeoutMs: 250 });

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result.status === "error" && result.error).toContain("retry interrupted");
  expect(room.counts()).toEqual({ call: 1, retries: 2, error: 1, timeout: 0, canceled: 0 });
});

test("An application that hangs is a timeout, once", async () => {
  await using backend = await application(() => "hang");
  await using room = await openRoom({ host: backend.url, httpRequestTimeoutMs: 50 });

  const result = await room.controller.authenticate(someClient(), NEVER);

  const error = "rpc error: code = DeadlineExceeded desc = context deadline exceeded";
  expect(result).toEqual({ status: "error", error });
  expect(room.counts()).toEqual({ call: 1, retries: 0, error: 1, timeout: 1, canceled: 0 });
  await backend.until(() => backend.aborted === 1);
});

test.each([
  [{ httpRequestTimeoutMs: 60, requestTimeoutMs: 900 }, 60],
  [{ requestTimeoutMs: 60 }, 60],
  [{ commandTimeoutMs: 60 }, 60],
  [{}, 3000],
  [{ commandTimeoutMs: 0 }, 3000],
])("With %j an attempt may take %i ms", async (options, timeoutMs) => {
  const clock = new FakeClock();
  await using backend = await application(() => "hang");
  await using room = await openRoom({ host: backend.url, ...options }, clock);
  const running = room.controller.authenticate(someClient(), NEVER);
  await backend.until(() => backend.calls.length === 1);

  await clock.advanceAsync(timeoutMs - 1);
  expect(room.counts()).toMatchObject({ timeout: 0 });
  await clock.advanceAsync(1);

  expect((await running).status).toBe("error");
  expect(room.counts()).toMatchObject({ timeout: 1 });
});

test("A session that ends aborts its request; that counts as canceled, and not for the breaker", async () => {
  await using backend = await application(() => "hang");
  await using room = await openRoom({ host: backend.url });
  for (let count = 1; count <= 10; count++) {
    const ending = new AbortController();
    const running = room.controller.perform(someClient(), CHAT, "{}", ending.signal);
    await backend.until(() => backend.calls.length === count);

    ending.abort();

    expect(await running).toEqual({ status: "canceled" });
  }
  expect(room.counts()).toEqual({ call: 0, retries: 0, error: 0, timeout: 0, canceled: 10 });
  expect(room.log.messages("warn")).toEqual([]);
  await backend.until(() => backend.aborted === 10);
});

test("An open breaker fails calls without network traffic, and says so in the log (rpc#24)", async () => {
  await using backend = await application(() => "cut");
  await using room = await openRoom({ host: backend.url, commandTimeoutMs: 50 });
  const connect = () => room.controller.authenticate(someClient(), NEVER);
  await Promise.all(Array.from({ length: 10 }, connect));
  const before = backend.calls.length;

  const result = await connect();

  expect(result).toEqual({ status: "error", error: "http rpc is temporarily unavailable" });
  expect(backend.calls.length).toBe(before);
  expect(room.log.records.filter(({ level }) => level === "warn")).toEqual([
    {
      level: "warn",
      message: "circuit breaker is open",
      attributes: { context: "cb", name: "httrpc" },
    },
  ]);
});

test("Twenty answers with status 500 leave the breaker closed (rpc#25)", async () => {
  await using backend = await application(() => ({ status: 500, body: "" }));
  await using room = await openRoom({ host: backend.url });

  for (let count = 0; count < 20; count++) {
    await room.controller.authenticate(someClient(), NEVER);
  }

  expect(backend.calls.length).toBe(20);
  expect(room.log.messages("warn")).toEqual([]);
});

test.each([307, 308])("A redirect with %i repeats the POST with its body", async (status) => {
  await using backend = await application((call) =>
    call.path === "/moved" ? json(WELCOMED) : { status, body: "", headers: { location: "/moved" } },
  );
  await using room = await openRoom({ host: backend.url });

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result.status).toBe("success");
  const [first, second] = backend.calls;
  expect(second).toMatchObject({ method: "POST", path: "/moved", text: first?.text ?? "" });
  expect(second?.headers).toMatchObject({ "x-anycable-meta-protov": "v1" });
});

test.each([301, 302, 303])("A redirect with %i becomes a GET", async (status) => {
  await using backend = await application((call) =>
    call.path === "/moved" ? json(WELCOMED) : { status, body: "", headers: { location: "/moved" } },
  );
  await using room = await openRoom({ host: backend.url });

  expect((await room.controller.authenticate(someClient(), NEVER)).status).toBe("success");

  expect(backend.calls[1]).toMatchObject({ method: "GET", text: "" });
});

test("A compressed answer is read", async () => {
  const { result, calls } = await connectTo({
    body: gzipSync(JSON.stringify(WELCOMED)),
    headers: { "content-encoding": "gzip" },
  });

  expect(result.status).toBe("success");
  expect(calls[0]?.headers["accept-encoding"]).toContain("gzip");
});

test("A proxy variable does not capture calls", async () => {
  await using backend = await application();
  const script = `
    import { openRoom, someClient, NEVER } from ${JSON.stringify(`${import.meta.dir}/../room.ts`)};
    const room = await openRoom({ host: ${JSON.stringify(backend.url)} });
    const result = await room.controller.authenticate(someClient(), NEVER);
    process.exit(result.status === "success" ? 0 : 1);`;
  const proxy = "http://127.0.0.1:1";
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { ...process.env, HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy },
  });

  expect(await child.exited).toBe(0);
  expect(backend.calls.length).toBe(1);
});

test("An https application is trusted by its authority, or not verified at all", async () => {
  const certificates = await createCertificates();
  const read = (path: string) => readFileSync(path, "utf8");
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { key: read(certificates.key), cert: read(certificates.cert) },
    fetch: () => Response.json(WELCOMED),
  });
  const connect = async (tls: Partial<typeof DEFAULTS.tls>) => {
    const host = `https://127.0.0.1:${server.port}/x`;
    await using room = await openRoom({ host, tls: { ...DEFAULTS.tls, ...tls } });
    return await room.controller.authenticate(someClient(), NEVER);
  };

  expect((await connect({ rootCa: certificates.ca })).status).toBe("success");
  expect((await connect({ isVerified: false })).status).toBe("success");
  const refused = await connect({});
  expect(refused.status === "error" && refused.error).toContain("code = Unauthenticated");
  rmSync(certificates.folder, { recursive: true });
});
