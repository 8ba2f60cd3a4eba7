import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cableway } from "../../support/cableway.ts";

setDefaultTimeout(20_000);

const OPTIONS = ["--public", "--norpc", "--http_broadcast_cors"];
const PUBLICATION = '{"stream":"a","data":"1"}';

/** The CORS headers of an answer, by their names without the beginning; the allowed origin apart. */
function corsOf({ headers }: Response): readonly [string | null, Record<string, string>] {
  const cors = [...headers].filter(([name]) => name.startsWith("access-control-"));
  const { origin = null, ...others } = Object.fromEntries(
    cors.map(([name, value]) => [name.replace(/^access-control-(allow-)?/, ""), value]),
  ) as Record<string, string>; // headers are text
  return [origin, others];
}

const FIXED = {
  methods: "POST, OPTIONS",
  credentials: "true",
  headers:
    "Origin, X-Requested-With, X-Request-ID, Content-Type, Accept, X-CSRF-Token, Authorization",
};

test.concurrent("Where CORS is on, every answer has its four headers, and OPTIONS needs no key", async () => {
  await using server = await Cableway.start([...OPTIONS, "--broadcast_max_body_size=100"]);
  await using locked = await Cableway.start([...OPTIONS.slice(1), "--broadcast_key=k"]);
  const big = "x".repeat(101);

  for (const [one, init, status] of [
    [server, { method: "OPTIONS" }, 200],
    [server, { method: "POST", body: PUBLICATION }, 201],
    [server, { method: "GET" }, 422],
    [server, { method: "POST", body: big }, 413],
    [locked, { method: "OPTIONS" }, 200],
    [locked, { method: "POST", body: PUBLICATION }, 401],
  ] as const) {
    const response = await one.fetch("/_broadcast", init);
    expect([response.status, await response.text()]).toEqual([status, ""]);
    expect(corsOf(response)).toEqual(["*", FIXED]);
  }
  await server.logged("(no authorization, CORS enabled)");
  await locked.logged("(authorization required, CORS enabled)");
});

test.concurrent("An allowed origin comes back in lower case, another one not at all, and is served all the same", async () => {
  const list = "--allowed_origins=*.example.com,,app.io:8080";
  await using server = await Cableway.start([...OPTIONS, list]);
  const allowed = async (origin?: string) => {
    const headers = origin === undefined ? {} : { Origin: origin };
    const init = { method: "POST", body: PUBLICATION, headers };
    const response = await server.fetch("/_broadcast", init);
    expect(response.status).toBe(201);
    const [value, others] = corsOf(response);
    expect(others).toEqual(FIXED);
    return value;
  };

  expect(await allowed("http://WWW.example.com")).toBe("http://www.example.com");
  expect(await allowed("https://App.IO:8080")).toBe("https://app.io:8080");
  for (const foreign of ["http://example.com", "http://app.io", "null", "://", undefined]) {
    expect([foreign, await allowed(foreign)]).toEqual([foreign, null]);
  }
});

test.concurrent("Without the option nothing has CORS headers; the API has them by the file only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cableway-cors-"));
  const file = join(folder, "cableway.toml");
  writeFileSync(file, '[api]\ncors_headers = true\ncors_hosts = "a.io"\n');
  await using plain = await Cableway.start(OPTIONS.slice(0, 2));
  await using shared = await Cableway.start(OPTIONS);
  await using configured = await Cableway.start(["--public", "--norpc", `--config-path=${file}`]);
  rmSync(folder, { recursive: true });
  const origin = { headers: { Origin: "http://a.io" } };

  for (const path of ["/_broadcast", "/api/publish"]) {
    const response = await plain.fetch(path, { method: "OPTIONS", ...origin });
    expect([path, response.status, corsOf(response)]).toEqual([path, 422, [null, {}]]);
  }
  const ofApi = await shared.fetch("/api/publish", { method: "OPTIONS", ...origin });
  expect([ofApi.status, corsOf(ofApi)]).toEqual([422, [null, {}]]);

  const publish = await configured.fetch("/api/publish", { method: "OPTIONS", ...origin });
  expect([publish.status, corsOf(publish)]).toEqual([200, ["http://a.io", FIXED]]);
  const presence = await configured.fetch("/api/presence/a/users", { method: "OPTIONS" });
  expect([presence.status, corsOf(presence)]).toEqual([422, [null, {}]]);
});
