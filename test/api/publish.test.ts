import { expect, test } from "bun:test";
import { createPublishEndpoint } from "../../src/api/publish.ts";
import { FakeLog } from "../support/fake-log.ts";

const BATCH = '[{"stream":"a","data":"1"},{"stream":"b","data":"2"}]';

function create(given: { outcome?: "handled" | "failed"; corsHosts?: readonly string[] } = {}) {
  const bodies: string[] = [];
  const log = new FakeLog();
  const sink = {
    async handle(body: string) {
      bodies.push(body);
      return given.outcome ?? "handled";
    },
  };
  const endpoint = createPublishEndpoint(
    { secret: "k1", corsHosts: given.corsHosts ?? null, maxBodyBytes: 1000 },
    { sink, log },
  );
  return { endpoint, bodies, log };
}

function post(
  body: Bun.BodyInit,
  headers: Record<string, string> = { authorization: "Bearer k1" },
) {
  return new Request("http://x.test/api/publish", { method: "POST", body, headers });
}

test("REST publish hands the body on as it is and answers 201 without a body", async () => {
  const { endpoint, bodies } = create();

  const response = await endpoint(post(BATCH));

  expect([response.status, response.body]).toEqual([201, null]);
  expect(bodies).toEqual([BATCH]);
});

test("REST publish answers 501 when the message was not passed on", async () => {
  const { endpoint } = create({ outcome: "failed" });

  expect((await endpoint(post(BATCH))).status).toBe(501);
});

test("REST publish checks the method, then the key", async () => {
  const { endpoint, bodies } = create();

  expect((await endpoint(new Request("http://x.test/api/publish"))).status).toBe(422);
  expect((await endpoint(post(BATCH, {}))).status).toBe(401);
  expect(bodies).toEqual([]);
});

test("REST publish sends CORS headers on its answers where CORS is on", async () => {
  const { endpoint } = create({ corsHosts: ["*.ok.test"] });
  const headers = { authorization: "Bearer k1", origin: "https://A.ok.test" };

  const response = await endpoint(post(BATCH, headers));

  expect(response.status).toBe(201);
  expect(response.headers.get("access-control-allow-origin")).toBe("https://a.ok.test");
});

test("REST publish answers a body that breaks off with 422 and logs it", async () => {
  const { endpoint, log } = create();
  const lost = new ReadableStream({ start: (it) => it.error(new Error("connection lost")) });

  expect((await endpoint(post(lost))).status).toBe(422);
  expect(log.records).toEqual([
    {
      level: "error",
      message: "failed to read request body",
      attributes: { context: "api", error: "connection lost" },
    },
  ]);
});
