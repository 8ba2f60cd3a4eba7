import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { RawClientOptions } from "../../support/raw-handshake.ts";
import { jwt } from "../../support/tokens.ts";
import { encodeClientFrame } from "../../support/web-socket-frames.ts";
import { BASE, EXT, PONG, pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const REFUSAL_HEADERS = {
  "sec-websocket-version": "13",
  "content-type": "text/plain; charset=utf-8",
  "x-content-type-options": "nosniff",
  "x-anycable-version": undefined,
};

/** Status codes of handshakes that differ in one thing each. */
async function statuses(
  server: Cableway,
  attempts: readonly Omit<RawClientOptions, "host" | "port">[],
): Promise<readonly number[]> {
  const { host, port } = server;
  const answers = attempts.map((attempt) => RawClient.handshake({ host, port, ...attempt }));
  return (await Promise.all(answers)).map(({ status }) => status);
}

function origins(list: readonly (string | null)[]): { headers: { Origin: string | null } }[] {
  return list.map((Origin) => ({ headers: { Origin } }));
}

function paths(list: readonly string[]): { path: string }[] {
  return list.map((path) => ({ path }));
}

test.concurrent("protocol#1 Server answers a plain GET of the cable path with 400 and the version it speaks", async () => {
  await using server = await Cableway.start(["--public"]);

  const response = await server.fetch("/cable");

  expect([response.status, await response.text()]).toEqual([400, "Bad Request\n"]);
  for (const [name, value] of Object.entries(REFUSAL_HEADERS)) {
    expect([name, response.headers.get(name) ?? undefined]).toEqual([name, value]);
  }
});

test.concurrent("Server checks a handshake in the documented order and refuses each flaw in its own words", async () => {
  await using server = await Cableway.start(["--public", "--allowed_origins=ok.io"]);
  const { host, port } = server;
  const flaws = [
    [400, "Bad Request\n", { Connection: "keep-alive" }, "GET"],
    [400, "Bad Request\n", { Upgrade: "h2c" }, "POST"],
    [405, "Method Not Allowed\n", { "Sec-WebSocket-Version": "12" }, "POST"],
    [400, "Bad Request\n", { "Sec-WebSocket-Version": "12", Origin: "http://no.io" }, "GET"],
    [400, "Bad Request\n", { "Sec-WebSocket-Version": null }, "GET"],
    [403, "Forbidden\n", { Origin: "http://no.io", "Sec-WebSocket-Key": null }, "GET"],
    [400, "Bad Request\n", { "Sec-WebSocket-Key": "c2hvcnQ=" }, "GET"],
    [400, "Bad Request\n", { "Sec-WebSocket-Key": null }, "GET"],
  ] as const;

  for (const [status, body, flaw, method] of flaws) {
    const headers = { Origin: "http://ok.io", ...flaw };
    const response = await RawClient.handshake({ host, port, method, headers });
    expect([flaw, response.status, response.body]).toEqual([flaw, status, body]);
    for (const [name, value] of Object.entries(REFUSAL_HEADERS)) {
      expect([name, response.headers.get(name)]).toEqual([name, value]);
    }
  }
});

test.concurrent("Server accepts upgrade tokens in any case and among others, and proves it has read the key", async () => {
  await using server = await Cableway.start(["--public"]);

  using client = await server.connect({
    headers: {
      Connection: "keep-alive, UPGRADE",
      Upgrade: "WebSocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
  });

  const { headers } = client.response;
  expect(headers.get("sec-websocket-accept")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  expect(headers.get("upgrade")?.toLowerCase()).toBe("websocket");
  expect(headers.get("connection")?.toLowerCase()).toBe("upgrade");
});

test.concurrent("protocol#2 Paths match as a whole, to any depth below a wildcard, and one segment per placeholder", async () => {
  const list = "/cable,/admin/cable/*,/accounts/{tenant}/cable";
  await using server = await Cableway.start(["--public", `--path=${list}`]);

  const found = ["/cable", "/admin/cable/x", "/admin/cable/x/y?q=1", "/accounts/7/cable"];
  const lost = ["/cable/", "/Cable", "/c%61ble", "/admin/cable", "/accounts/7/8/cable", "/"];

  expect(await statuses(server, paths(found))).toEqual([101, 101, 101, 101]);
  expect(await statuses(server, paths(lost))).toEqual([404, 404, 404, 404, 404, 404]);
});

test.concurrent("An unknown path is answered 404 with a plain text", async () => {
  await using server = await Cableway.start(["--public"]);

  const response = await server.fetch("/nope");

  expect([response.status, await response.text()]).toEqual([404, "404 page not found\n"]);
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
});

test.concurrent("A wildcard path leaves the other endpoints alone and a regular expression binds a placeholder", async () => {
  await using server = await Cableway.start(["--public", "--path=/a/{id:[0-9]+}/cable,/b/*"]);
  await using greedy = await Cableway.start(["--public", "--path=/*"]);

  const attempts = paths(["/a/77/cable", "/a/7x/cable", "/b/anything"]);
  expect(await statuses(server, attempts)).toEqual([101, 404, 101]);

  expect(await statuses(greedy, paths(["/", "/any/thing"]))).toEqual([101, 101]);
  expect((await greedy.fetch("/health")).status).toBe(200);
  expect((await greedy.fetch("/metrics")).status).toBe(200);
});

test.concurrent("protocol#3 An origin entry with a star matches the end of the host, port included", async () => {
  await using server = await Cableway.start(["--public", "--allowed_origins=*.a.io"]);

  const allowed = ["https://x.a.io", "https://X.A.io"];
  const refused = ["https://a.io", "https://xa.io", "https://x.a.io:8443", null];

  expect(await statuses(server, origins(allowed))).toEqual([101, 101]);
  expect(await statuses(server, origins(refused))).toEqual([403, 403, 403, 403]);
});

test.concurrent("Other origin entries are a whole host and port; blanks stay; a lone star admits everybody", async () => {
  await using server = await Cableway.start(["--public", "--allowed_origins=App.IO:8080, b.io"]);
  await using open = await Cableway.start(["--public", "--allowed_origins=*"]);

  const attempts = ["http://app.io:8080", "http://app.io", "http://b.io", "null", "://"];
  expect(await statuses(server, origins(attempts))).toEqual([101, 403, 403, 403, 403]);

  expect(await statuses(open, origins(["https://any.where:1", null]))).toEqual([101, 101]);
});

test.concurrent("Q10 An empty origin entry never matches and breaks no request", async () => {
  await using server = await Cableway.start(["--public", "--allowed_origins=a.io,,b.io"]);

  const attempts = origins(["http://c.io", null, "http://b.io", "http://a.io"]);

  expect(await statuses(server, attempts)).toEqual([403, 403, 101, 101]);
});

test.concurrent("protocol#4 Q22 Server takes the first sub-protocol of the client's list that it knows", async () => {
  await using server = await Cableway.start(["--public"]);
  const offers = [
    [`${EXT}, ${BASE}`, EXT],
    [`${BASE}, ${EXT}`, BASE],
    [`foo,${EXT}`, EXT],
    [`  ${BASE}  , actioncable-unsupported`, BASE],
  ] as const;

  for (const [offer, selected] of offers) {
    using client = await server.connect({ subprotocol: offer });
    expect(client.response.headers.get("sec-websocket-protocol")).toBe(selected);
  }
});

test.concurrent("protocol#5 An unknown sub-protocol is not echoed and the session speaks base JSON", async () => {
  await using server = await Cableway.start(["--public", "--debug"]);
  const identifier = pubsub("news");

  using client = await server.connect({ subprotocol: "foo" });
  expect(client.response.headers.has("sec-websocket-protocol")).toBe(false);
  expect(await client.next()).toMatchObject({ type: "welcome" });

  await client.subscribe(identifier);
  await server.publish("news", { n: 1 });
  expect(await client.next()).toEqual({ identifier, message: { n: 1 } });
  await server.logged("no subprotocol negotiated");
});

test.concurrent("protocol#6 A token offered as a sub-protocol lets in and is never echoed", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k"]);
  const token = jwt("k", { ext: "me" });

  using client = await server.connect({ subprotocol: `anycable-token.${token}` });

  expect(client.response.headers.has("sec-websocket-protocol")).toBe(false);
  expect(await client.next()).toMatchObject({ type: "welcome" });
});

test.concurrent("protocol#7 The version header comes with 101 and not with a refusal", async () => {
  await using server = await Cableway.start(["--public", "--allowed_origins=a.io"]);
  const { host, port } = server;
  const from = (Origin: string) => RawClient.handshake({ host, port, headers: { Origin } });

  const accepted = await from("http://a.io");
  const refused = await from("http://b.io");

  expect(accepted.headers.get("x-anycable-version")).toMatch(/^\d+\.\d+\.\d+/);
  expect(refused.status).toBe(403);
  expect(refused.headers.has("x-anycable-version")).toBe(false);
});

test.concurrent("A frame sent right behind the request is handled after the welcome", async () => {
  await using server = await Cableway.start(["--public"]);

  using client = await server.connect({ early: encodeClientFrame('{"command":"ping"}') });

  expect(await client.next()).toMatchObject({ type: "welcome" });
  expect(await client.nextText()).toBe(PONG);
});
