import { expect, test } from "bun:test";
import { connect } from "node:net";
import { createHttpBroadcast } from "../../src/broadcast/http.ts";
import { FakeLog } from "../support/fake-log.ts";

const MESSAGE = '{"stream":"a","data":"1"}';

function create(given: { secret?: string; isFailing?: boolean; maxBodyBytes?: number } = {}) {
  const bodies: string[] = [];
  const log = new FakeLog();
  const sink = {
    async handle(body: string) {
      bodies.push(body);
      return given.isFailing ? ("failed" as const) : ("handled" as const);
    },
  };
  const endpoint = createHttpBroadcast(
    { secret: given.secret ?? "", corsHosts: null, maxBodyBytes: given.maxBodyBytes ?? 1000 },
    { sink, log },
  );
  return { endpoint, bodies, log };
}

function post(body: Bun.BodyInit | null, headers: Record<string, string> = {}) {
  return new Request("http://x.test/_broadcast", { method: "POST", body, headers });
}

test("HTTP broadcast answers 201 without a body when the message was handled", async () => {
  const { endpoint, bodies } = create();

  const response = await endpoint(post(MESSAGE));

  expect([response.status, response.body]).toEqual([201, null]);
  expect(bodies).toEqual([MESSAGE]);
});

test("HTTP broadcast takes any content type and passes the text on unread", async () => {
  const { endpoint, bodies } = create();

  expect((await endpoint(post("garbage", { "content-type": "image/png" }))).status).toBe(201);
  expect((await endpoint(post(null))).status).toBe(201);
  expect(bodies).toEqual(["garbage", ""]);
});

test("HTTP broadcast answers 501 when the message was not passed on", async () => {
  const { endpoint } = create({ isFailing: true });

  const response = await endpoint(post(MESSAGE));

  expect([response.status, response.body]).toEqual([501, null]);
});

test("HTTP broadcast lets nobody in without the key", async () => {
  const { endpoint, bodies } = create({ secret: "k1" });

  expect((await endpoint(post(MESSAGE))).status).toBe(401);
  expect((await endpoint(post(MESSAGE, { authorization: "Bearer k1" }))).status).toBe(201);
  expect(bodies).toEqual([MESSAGE]);
});

test("HTTP broadcast logs wrong methods at debug and broken bodies as errors", async () => {
  const { endpoint, log } = create();
  const lost = new ReadableStream({ start: (it) => it.error(new Error("connection lost")) });

  expect((await endpoint(new Request("http://x.test/_broadcast"))).status).toBe(422);
  expect((await endpoint(post(lost))).status).toBe(422);

  const base = { context: "broadcast", provider: "http" };
  expect(log.records).toEqual([
    {
      level: "debug",
      message: "invalid request method",
      attributes: { ...base, method: "GET" },
    },
    {
      level: "error",
      message: "failed to read request body",
      attributes: { ...base, error: "connection lost" },
    },
  ]);
});

test("HTTP broadcast on a real server cuts off a sender that exceeds the limit", async () => {
  const { endpoint, bodies } = create({ maxBodyBytes: 1000 });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: endpoint });
  const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`;

  const answer = await exchange(
    server.port ?? 0,
    `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`,
  );

  await server.stop(true);
  expect(answer.split("\r\n")[0]).toBe("HTTP/1.1 413 Payload Too Large");
  expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n");
  expect(bodies).toEqual([]);
});

/** What the server says to these bytes until it closes the connection. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      answer += text;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}
