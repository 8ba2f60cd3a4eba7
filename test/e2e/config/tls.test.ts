import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { connect } from "node:tls";
import { Cableway } from "../../support/cableway.ts";
import { type Certificates, createCertificates } from "../../support/certificates.ts";
import { welcomed } from "../../support/welcomed.ts";

setDefaultTimeout(20_000);

let files: Certificates;

beforeAll(async () => {
  files = await createCertificates();
});

afterAll(() => rmSync(files.folder, { recursive: true }));

const TRUSTING = { tls: { rejectUnauthorized: false } };

test("TLS: every door of a port speaks it, and the log says https", async () => {
  const pair = [`--ssl_cert=${files.cert}`, `--ssl_key=${files.key}`];
  await using server = await Cableway.start(["--public", "--norpc", ...pair]);
  const { host, port } = server;
  const url = `https://${host}:${port}`;

  for (const path of ["/health", "/metrics"]) {
    expect((await fetch(`${url}${path}`, TRUSTING)).status).toBe(200);
  }
  const body = JSON.stringify({ stream: "a", data: "1" });
  const published = await fetch(`${url}/_broadcast`, { method: "POST", body, ...TRUSTING });
  expect(published.status).toBe(201);
  expect(await firstMessage(`wss://${host}:${port}/cable`)).toContain('{"type":"welcome"');
  await server.logged(`INF Handle WebSocket connections at ${url}/cable`);
  await server.logged(`INF Accept broadcast requests at ${url}/_broadcast`);
});

test("TLS below 1.2 is refused", async () => {
  const pair = [`--ssl_cert=${files.cert}`, `--ssl_key=${files.key}`];
  await using server = await Cableway.start(["--public", "--norpc", ...pair]);

  expect(await handshake(server, "TLSv1.2")).toBe("TLSv1.2");
  expect(await handshake(server, "TLSv1.1")).toContain("TLSV1_ALERT_PROTOCOL_VERSION");
});

test("config#31 Half of a pair is no TLS; files that cannot be read end the start by who needs them first", async () => {
  await using server = await Cableway.start(["--public", "--norpc"], {
    env: { ANYCABLE_SSL_CERT: "x" },
  });
  using _client = await welcomed(server);
  await server.logged(`INF Handle WebSocket connections at http://`);

  const missing = ["--norpc", "--ssl_cert=/nope/c.pem", "--ssl_key=/nope/k.pem"];
  const problem =
    "cause: failed to load SSL certificate, cause: open /nope/c.pem: no such file or directory\n";
  for (const [arg, who] of [
    ["--metrics_http=/m", "failed to initialize metrics writer"],
    ["--metrics_http=", "failed to start broadcaster"],
  ] as const) {
    const { exitCode, output } = await Cableway.run([...missing, arg]);
    expect([arg, exitCode]).toEqual([arg, 1]);
    expect(output).toEndWith(`${who}, ${problem}`);
  }
});

test("A key that belongs to another certificate ends the start", async () => {
  const pair = [`--ssl_cert=${files.cert}`, `--ssl_key=${files.otherKey}`];

  const { exitCode, output } = await Cableway.run(["--norpc", ...pair]);

  expect(exitCode).toBe(1);
  expect(output).toContain("failed to load SSL certificate");
});

function firstMessage(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = new WebSocket(url, TRUSTING);
  socket.onmessage = ({ data }) => resolve(String(data));
  socket.onerror = () => reject(new Error("the connection failed"));
  return promise.finally(() => socket.close());
}

function handshake(
  { host, port }: Cableway,
  version: "TLSv1.1" | "TLSv1.2",
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const limits = { minVersion: "TLSv1", maxVersion: version } as const;
  const socket = connect({ host, port, rejectUnauthorized: false, ...limits });
  socket.once("secureConnect", () => resolve(socket.getProtocol()));
  socket.once("error", (error) => resolve(error.message));
  return promise.finally(() => socket.destroy());
}
