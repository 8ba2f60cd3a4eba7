import { expect, test } from "bun:test";
import { isBearer } from "../../src/messages/bearer.ts";

test("isBearer wants the word, one blank and the whole secret", () => {
  expect(isBearer("Bearer k1", "k1")).toBe(true);

  const wrong = ["bearer k1", "Bearer  k1", "Bearer k1 ", "Bearer k", "Bearer k11", "k1", "", null];
  expect(wrong.filter((header) => isBearer(header, "k1"))).toEqual([]);
});

test("isBearer tells upper from lower case in the secret", () => {
  expect(isBearer("Bearer ABCDEF", "abcdef")).toBe(false);
});

test("isBearer never takes an empty secret", () => {
  expect(isBearer("Bearer ", "")).toBe(false);
});

test("isBearer on a real server knows a secret that is not ASCII", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => new Response(`${isBearer(request.headers.get("authorization"), "ключ")}`),
  });
  const header = Buffer.from("Bearer ключ").toString("latin1");

  const response = await fetch(server.url, { headers: { authorization: header } });

  expect(await response.text()).toBe("true");
  await server.stop(true);
});
