import { expect, test } from "bun:test";
import { receivePost } from "../../src/messages/receive-post.ts";

const OPTIONS = { secret: "k1", corsHosts: null, maxBodyBytes: 10 } as const;
const AUTHORIZED = { authorization: "Bearer k1" };

function ask(method: string, headers: Record<string, string> = AUTHORIZED, body?: string) {
  return new Request("http://x.test/", {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

async function refusal(request: Request, options: Parameters<typeof receivePost>[1] = OPTIONS) {
  const post = await receivePost(request, options);
  if (post.ok) throw new Error(`took ${post.text}`);
  return {
    status: post.response.status,
    body: await post.response.text(),
    headers: Object.fromEntries(post.response.headers),
    problem: post.problem,
  };
}

test("receivePost gives the text of an authorized post", async () => {
  expect(await receivePost(ask("POST", AUTHORIZED, "x"), OPTIONS)).toEqual({
    ok: true,
    text: "x",
    headers: {},
  });
});

test.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])(
  "receivePost answers %s with 422 before it looks at the token",
  async (method) => {
    expect(await refusal(ask(method, {}))).toEqual({
      status: 422,
      body: "",
      headers: {},
      problem: { kind: "method", method },
    });
  },
);

test("receivePost answers a wrong or missing token with 401 before it reads the body", async () => {
  const wrong = ask("POST", { authorization: "Bearer k2" }, "far more than ten bytes");

  expect(await refusal(wrong)).toMatchObject({ status: 401, body: "" });
  expect(await refusal(ask("POST", {}, "x"))).toMatchObject({ status: 401, body: "" });
});

test("receivePost asks for no token when the secret is empty", async () => {
  expect(await receivePost(ask("POST", {}, "x"), { ...OPTIONS, secret: "" })).toMatchObject({
    ok: true,
  });
});

test("receivePost answers a body above the limit with 413 and ends the connection", async () => {
  expect(await refusal(ask("POST", AUTHORIZED, "12345678901"))).toEqual({
    status: 413,
    body: "",
    headers: { connection: "close" },
    problem: { kind: "none" },
  });
});

test("receivePost answers a body that breaks off with 422", async () => {
  const cause = new Error("connection lost");
  const body = new ReadableStream({ start: (controller) => controller.error(cause) });
  const request = new Request("http://x.test/", { method: "POST", headers: AUTHORIZED, body });

  expect(await refusal(request)).toMatchObject({
    status: 422,
    problem: { kind: "unreadable", cause },
  });
});

test("receivePost with CORS answers OPTIONS with 200, token or not", async () => {
  const options = { ...OPTIONS, corsHosts: ["x.test"] };

  expect(await refusal(ask("OPTIONS", { origin: "http://x.test" }), options)).toEqual({
    status: 200,
    body: "",
    headers: expect.objectContaining({ "access-control-allow-origin": "http://x.test" }),
    problem: { kind: "none" },
  });
});

test("receivePost with CORS puts the headers on every answer, refusals too", async () => {
  const options = { ...OPTIONS, corsHosts: [] };
  const cors = { "access-control-allow-origin": "*" };

  expect((await refusal(ask("GET"), options)).headers).toMatchObject(cors);
  expect((await refusal(ask("POST", {}), options)).headers).toMatchObject(cors);
  expect((await receivePost(ask("POST"), options)).ok).toBe(true);
  expect(await receivePost(ask("POST"), options)).toMatchObject({
    headers: { "Access-Control-Allow-Origin": "*" },
  });
});
