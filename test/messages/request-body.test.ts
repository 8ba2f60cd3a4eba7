import { expect, test } from "bun:test";
import { readBody } from "../../src/messages/request-body.ts";

function post(body: Bun.BodyInit | null, headers: Record<string, string> = {}) {
  return new Request("http://x.test/", { method: "POST", body, headers });
}

/** A body in pieces, without a length; tells when it was given up. */
function chunked(...chunks: string[]) {
  const state = { isCanceled: false, given: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[state.given++];
        if (chunk === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(chunk));
      },
      cancel() {
        state.isCanceled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { request: post(body), state };
}

test("readBody gives the text of a body, exactly up to the limit", async () => {
  expect(await readBody(post("é1"), 3)).toEqual({ ok: true, text: "é1" });
  expect(await readBody(post("é12"), 3)).toMatchObject({ ok: false, reason: "too_big" });
});

test("readBody joins pieces before it decodes: a character may be cut in two", async () => {
  const bytes = new TextEncoder().encode("ключ");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });

  expect(await readBody(post(body), 100)).toEqual({ ok: true, text: "ключ" });
});

test("readBody takes no body for an empty one", async () => {
  expect(await readBody(post(null), 0)).toEqual({ ok: true, text: "" });
  expect(await readBody(post(""), 0)).toEqual({ ok: true, text: "" });
});

test("readBody refuses by the announced length without reading", async () => {
  const { request, state } = chunked("a");
  request.headers.set("content-length", "11");

  expect(await readBody(request, 10)).toMatchObject({ ok: false, reason: "too_big" });
  expect(state.given).toBe(0);
});

test("readBody stops reading at the limit when no length is announced, or a wrong one", async () => {
  for (const length of [null, "1", "x"]) {
    const { request, state } = chunked("12345", "67890", "1", "never read");
    if (length !== null) request.headers.set("content-length", length);

    expect(await readBody(request, 10)).toMatchObject({ ok: false, reason: "too_big" });
    expect(state).toEqual({ isCanceled: true, given: 3 });
  }
});

test("readBody makes U+FFFD of bytes that are no UTF-8", async () => {
  expect(await readBody(post(Uint8Array.of(0xff, 0xfe)), 10)).toEqual({
    ok: true,
    text: "\ufffd\ufffd",
  });
});

test("readBody tells that a body could not be read, and why", async () => {
  const cause = new Error("connection lost");
  const body = new ReadableStream({ start: (controller) => controller.error(cause) });

  expect(await readBody(post(body), 10)).toEqual({ ok: false, reason: "unreadable", cause });
});
