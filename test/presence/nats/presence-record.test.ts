import { expect, test } from "bun:test";
import { decodeRecord, encodeRecord } from "../../../src/presence/nats/presence-record.ts";

test("encodeRecord writes what decodeRecord reads", () => {
  const record = {
    stream: "chat/1",
    id: "42",
    info: '{"name":"V"}',
    nodes: [{ node: "k3J_x9aZ", ttlMs: 15_000 }],
  };

  const text = encodeRecord(record);

  expect(text).toBe(
    '{"stream":"chat/1","id":"42","info":"{\\"name\\":\\"V\\"}","nodes":[["k3J_x9aZ",15000]]}',
  );
  expect(decodeRecord(text)).toEqual(record);
});

test("decodeRecord refuses what is no record and leaves out nodes it cannot read", () => {
  for (const text of [
    "",
    "junk",
    "[]",
    "{}",
    '{"stream":"a","id":"1","info":""}',
    '{"stream":1}',
  ]) {
    expect(decodeRecord(text)).toBeNull();
  }
  const odd = '{"stream":"a","id":"1","info":"","nodes":[null,["n"],["n",1],[1,1]]}';
  expect(decodeRecord(odd)?.nodes).toEqual([{ node: "n", ttlMs: 1 }]);
});
