import { expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { gzipSync } from "node:zlib";
import { createCertificates } from "../../../support/certificates.ts";
import { HttpBackendServer } from "../../../support/http-backend.ts";
import { DEFAULTS, NEVER, openRoom, someClient } from "../room.ts";

async function application(answer?: HttpBackendServer["answer"]) {
  const backend = await new HttpBackendServer().start();
  if (answer !== undefined) backend.answer = answer;
  return Object.assign(backend, { [Symbol.asyncDispose]: () => backend.stop() });
}

/** A header as its bytes: the HTTP library tells one character for each. */
function bytesOf(header: string | undefined): string {
  return Buffer.from(header ?? "", "latin1").toString();
}

test("A session id and a secret beyond ASCII are sent as UTF-8", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.url, secret: "tök" });

  // the runtime refused characters above U+00FF, which counted as an application that is away
  const result = await room.controller.authenticate(someClient({ sid: "ż" }), NEVER);

  expect(result.status).toBe("success");
  expect(bytesOf(backend.calls[0]?.headers["x-anycable-meta-sid"])).toBe("ż");
  expect(bytesOf(backend.calls[0]?.headers["authorization"])).toBe("Bearer tök");
});

test("A session id that no header can hold costs its own calls only, not the breaker's patience", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.url });
  const connect = (sid: string) => room.controller.authenticate(someClient({ sid }), NEVER);

  const broken = await Promise.all(Array.from({ length: 12 }, () => connect("a\nb")));
  const good = await connect("s1");

  expect(broken[0]).toMatchObject({ error: expect.stringContaining("code = Internal") });
  expect(good.status).toBe("success");
  expect(backend.calls.length).toBe(1);
  expect(room.counts()).toEqual({ call: 13, retries: 0, error: 12, timeout: 0, canceled: 0 });
});

test("A secret that no header can hold stops the start, and is not shown", async () => {
  const start = openRoom({ host: "http://127.0.0.1:1", secret: "s3c\nret" });

  const error = await start.then(String, String);

  expect(error).toContain('header "authorization" contains characters that cannot be sent');
  expect(error).not.toContain("s3c");
});

test("Calls under way at the same time each carry their own session id", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.url });
  const sids = Array.from({ length: 20 }, (_, index) => `s${index}`);

  await Promise.all(sids.map((sid) => room.controller.authenticate(someClient({ sid }), NEVER)));

  const seen = backend.calls.map(({ headers }) => headers["x-anycable-meta-sid"] ?? "");
  expect(seen.toSorted()).toEqual(sids.toSorted());
});

test("A head without its body is an answer to the breaker, and a timeout to the call", async () => {
  await using backend = await application(() => "stall");
  await using room = await openRoom({ host: backend.url, httpRequestTimeoutMs: 100 });
  const connect = () => room.controller.authenticate(someClient(), NEVER);

  await Promise.all(Array.from({ length: 12 }, connect));

  expect(room.counts()).toEqual({ call: 12, retries: 0, error: 12, timeout: 12, canceled: 0 });
  expect(room.log.messages("warn")).toEqual([]);
});

test("A compressed answer that is broken is an error without a second attempt", async () => {
  const body = gzipSync('{"status":1}').subarray(0, 12);
  await using backend = await application(() => ({
    body,
    headers: { "content-encoding": "gzip" },
  }));
  await using room = await openRoom({ host: backend.url });

  const result = await room.controller.authenticate(someClient(), NEVER);

  const error = "the response cannot be decompressed: ZlibError";
  expect(result).toEqual({ status: "error", error });
  expect(room.counts()).toMatchObject({ retries: 0, error: 1 });
  expect(backend.calls.length).toBe(1);
});

test("Network errors are told without the runtime's advice to programmers", async () => {
  await using backend = await application(() => "cut");
  await using room = await openRoom({ host: backend.url, commandTimeoutMs: 50 });

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result).toMatchObject({ error: expect.stringContaining("closed unexpectedly") });
  expect(result).toMatchObject({ error: expect.not.stringContaining("verbose") });
});

test.each<[string, TlsOptions]>([
  ["TLS 1.1 at most", { minVersion: "TLSv1", maxVersion: "TLSv1.1" }],
  ["a client certificate", { requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2" }],
])("An application that wants %s is a TLS failure: final", async (_, options) => {
  const certificates = await createCertificates();
  const key = readFileSync(certificates.key);
  const server = createTlsServer({ ...options, key, cert: readFileSync(certificates.cert) });
  server.on("tlsClientError", () => undefined);

  expect(await connectOverTls(server)).toEqual(["Unauthenticated", 0]);
  rmSync(certificates.folder, { recursive: true });
});

test("An application that speaks plain HTTP on an https address is a TLS failure too", async () => {
  expect(await connectOverTls(createServer())).toEqual(["Unauthenticated", 0]);
});

/** @returns the status of the failure and the number of retries */
async function connectOverTls(server: ReturnType<typeof createServer | typeof createTlsServer>) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const tls = { ...DEFAULTS.tls, isVerified: false };
  await using room = await openRoom({ host: `https://127.0.0.1:${port}`, tls });

  const result = await room.controller.authenticate(someClient(), NEVER);

  server.close();
  const error = result.status === "error" ? result.error : "";
  return [/code = (\w+)/.exec(error)?.[1], room.counts()["retries"]];
}
