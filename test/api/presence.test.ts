import { expect, test } from "bun:test";
import { createPresenceEndpoint } from "../../src/api/presence.ts";
import type { PresenceInfo } from "../../src/messages/reply.ts";
import { ServerError } from "../../src/messages/server-error.ts";
import { FakeLog } from "../support/fake-log.ts";

const EMPTY: PresenceInfo = { total: 0, records: [] };

function create(given: { info?: PresenceInfo | null; failure?: Error; secret?: string } = {}) {
  const asked: string[] = [];
  const log = new FakeLog();
  const presence = {
    async info(stream: string) {
      asked.push(stream);
      if (given.failure !== undefined) throw given.failure;
      return given.info === undefined ? EMPTY : given.info;
    },
  };
  const options = { path: "/api", secret: given.secret ?? "" };
  const endpoint = createPresenceEndpoint(options, { presence, log });
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await endpoint(new Request(`http://x.test${path}`, init));
    return { status: response.status, body: await response.text(), response };
  };
  return { get, asked, log };
}

test("REST presence lists who is there, info left out where there is none", async () => {
  const { get } = create({
    info: {
      total: 3,
      records: [
        { id: "user-1", info: '{"name":"Alice","n":12345678901234567890}' },
        { id: 'a"b', info: "" },
        { id: "u3", info: "null" },
      ],
    },
  });

  const { status, body, response } = await get("/api/presence/room/users");

  expect(status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(body).toBe(
    '{"type":"info","total":3,"records":[{"info":{"name":"Alice","n":12345678901234567890},"id":"user-1"},{"id":"a\\"b"},{"id":"u3"}]}',
  );
});

test("REST presence of an empty stream has no records", async () => {
  const { get } = create();

  expect((await get("/api/presence/room/users")).body).toBe('{"type":"info","total":0}');
});

test.each([
  ["room", "room"],
  ["chat%2F1", "chat/1"],
  ["a%20b+c", "a b+c"],
  ["%D0%BA", "к"],
  ["100%25", "100%"],
])("REST presence reads %s as the stream %s", async (segment, stream) => {
  const { get, asked } = create();

  expect((await get(`/api/presence/${segment}/users?x=1`)).status).toBe(200);
  expect(asked).toEqual([stream]);
});

test.each(["x", "", "room", "room/user", "room/users/", "/users", "a/b/users", "%zz/users"])(
  "REST presence finds nothing at /api/presence/%s",
  async (rest) => {
    const { get, asked } = create();

    expect(await get(`/api/presence/${rest}`)).toMatchObject({ status: 404, body: "" });
    expect(asked).toEqual([]);
  },
);

test("REST presence checks method, key and path in this order", async () => {
  const { get } = create({ secret: "k1" });
  const headers = { authorization: "Bearer k1" };

  expect((await get("/api/presence/x", { method: "POST" })).status).toBe(422);
  expect((await get("/api/presence/room/users", { method: "HEAD", headers })).status).toBe(422);
  expect((await get("/api/presence/x")).status).toBe(401);
  expect((await get("/api/presence/x", { headers })).status).toBe(404);
  expect((await get("/api/presence/room/users", { headers })).status).toBe(200);
});

test("REST presence answers 501 where there is no presence", async () => {
  const { get } = create({ info: null });

  expect(await get("/api/presence/room/users")).toMatchObject({ status: 501, body: "" });
  expect((await get("/api/presence/x")).status).toBe(404);
});

test("REST presence answers 400 and logs when the set cannot be read", async () => {
  const { get, log } = create({ failure: new ServerError("store_failed", "connection lost") });

  expect(await get("/api/presence/room/users")).toMatchObject({ status: 400, body: "" });
  expect(log.records).toEqual([
    {
      level: "error",
      message: "failed to read presence",
      attributes: { context: "api", stream: "room", error: "connection lost" },
    },
  ]);
});

// Bun gives a bare path as the URL of a request whose Host header is missing or broken.
test("REST presence works for requests without a host", async () => {
  const asked: string[] = [];
  const presence = {
    async info(stream: string) {
      asked.push(stream);
      return EMPTY;
    },
  };
  const options = { path: "/api", secret: "" };
  const endpoint = createPresenceEndpoint(options, { presence, log: new FakeLog() });
  const request = new Request("http://x.test/");
  Object.defineProperty(request, "url", { value: "/api/presence/room/users?x" });

  expect((await endpoint(request)).status).toBe(200);
  expect(asked).toEqual(["room"]);
});
