import { expect, test } from "bun:test";
import { parseBroadcast } from "../../src/messages/broadcast.ts";
import { meta, publication } from "../support/publications.ts";

test("parseBroadcast reads a publication", () => {
  expect(parseBroadcast('{"stream":"chat/42","data":"{\\"text\\":\\"hi\\"}"}')).toEqual({
    kind: "publication",
    publication: publication("chat/42", '{"text":"hi"}'),
  });
});

test("parseBroadcast reads delivery options and a position", () => {
  const body =
    '{"stream":"a","data":"1","meta":{"exclude_socket":"s1","broadcast_type":"x","transient":true},"offset":7,"epoch":"vRXl"}';

  expect(parseBroadcast(body)).toEqual({
    kind: "publication",
    publication: publication("a", "1", {
      meta: meta({ excludeSocket: "s1", broadcastType: "x", transient: true }),
      offset: 7,
      epoch: "vRXl",
    }),
  });
});

test.each([
  ['{"stream":"a"}', ""],
  ['{"stream":"a","data":null}', ""],
  ['{"stream":"a","data":"x","meta":null,"offset":null,"epoch":null}', "x"],
  ['{"stream":"a","data":"x","meta":{},"zz":{"q":[1]}}', "x"],
  ['{"stream":"a","data":"x","meta":{"zz":1,"exclude_socket":null,"transient":null}}', "x"],
  ['{"stream":"a","data":"x","meta":{"exclude_socket":"","transient":false}}', "x"],
  [' \n{"stream":"a","data":"7"}\r\n', "7"],
  ['{"stream":"a","data":"7","offset":18446744073709551615}', "7"],
  ['{"stream":"a","command":"disconnect","payload":5,"data":"s"}', "s"],
])("parseBroadcast takes %s for a publication without options", (body, data) => {
  expect(parseBroadcast(body)).toEqual({
    kind: "publication",
    publication: publication("a", data),
  });
});

test("parseBroadcast reads a batch in order", () => {
  const body =
    '[{"stream":"a","data":"1"},{"stream":"b","data":"2","meta":{"transient":true}},{"stream":"a","data":"3"}]';

  expect(parseBroadcast(body)).toEqual({
    kind: "batch",
    publications: [
      publication("a", "1"),
      publication("b", "2", { meta: meta({ transient: true }) }),
      publication("a", "3"),
    ],
    skipped: 0,
  });
});

// The reference publishes these to a stream without a name, and dies of `null`.
test("parseBroadcast leaves out elements of a batch that are null or have no stream", () => {
  const body =
    '[{"stream":"a","data":"1"},null,{"data":"2"},{"stream":"","data":"x"},{"stream":"a","data":"3"}]';

  expect(parseBroadcast(body)).toEqual({
    kind: "batch",
    publications: [publication("a", "1"), publication("a", "3")],
    skipped: 3,
  });
});

test("parseBroadcast reads a command with its payload as it came", () => {
  const body = '{"command":"disconnect","payload":{"identifier":"x","reconnect":true,"n":[1]}}';

  expect(parseBroadcast(body)).toEqual({
    kind: "command",
    command: {
      command: "disconnect",
      payload: { identifier: "x", reconnect: true, n: [1] },
    },
  });
});

test.each(['{"command":"foo"}', '{"stream":"","command":"foo"}', '{"stream":5,"command":"foo"}'])(
  "parseBroadcast takes %s for a command without a payload",
  (body) => {
    expect(parseBroadcast(body)).toEqual({
      kind: "command",
      command: { command: "foo", payload: undefined },
    });
  },
);

test.each([
  '{"stream":"a","data":{"x":1}}',
  '{"stream":"a","data":5}',
  '{"stream":"","data":"x"}',
  '{"stream":5,"data":"x"}',
  '{"stream":null,"data":"x"}',
  '{"data":"x"}',
  '{"stream":"a","data":"x","meta":"s"}',
  '{"stream":"a","data":"x","meta":"{}"}',
  '{"stream":"a","data":"x","meta":[]}',
  '{"stream":"a","data":"x","meta":{"exclude_socket":1}}',
  '{"stream":"a","data":"x","meta":{"transient":"yes"}}',
  '{"stream":"a","data":"x","meta":{"broadcast_type":{}}}',
  '{"stream":"a","data":"x","offset":-1}',
  '{"stream":"a","data":"x","offset":1.5}',
  '{"stream":"a","data":"x","offset":"1"}',
  '{"stream":"a","data":"x","offset":1e999}',
  '{"stream":"a","data":"x","offset":36893488147419103232}',
  '{"stream":"a","data":"x","epoch":5}',
  '{"stream":"a","data":"x"} x',
  '{"stream":"a","data":"x"}{"stream":"a","data":"y"}',
  '{"__proto__":{"stream":"a","data":"x"}}',
  '{"command":""}',
  '{"command":5}',
  '{"command":null}',
  "{}",
  "[]",
  "[null]",
  '[null,{"stream":"a","data":"1"}]',
  "[1]",
  '["a"]',
  '[[{"stream":"a","data":"1"}]]',
  '[{"data":"x"},{"stream":"a","data":"1"}]',
  '[{"stream":"","data":"x"}]',
  '[{"command":"disconnect","payload":{"identifier":"x"}}]',
  '[{"stream":"a","data":"1"},{"stream":"a","data":2}]',
  '[{"stream":"a","data":"1"},{"stream":5,"data":"2"}]',
  '[{"stream":"a","data":"1"},5]',
  '[{"stream":"a","data":"1"},null,{"stream":"a","data":2}]',
  '""',
  "null",
  "42",
  "not json",
  "",
  " ",
  "\ufffd\ufffd",
  "[".repeat(100_000),
])("parseBroadcast calls %p malformed and says why", (body) => {
  expect(parseBroadcast(body)).toEqual({
    kind: "malformed",
    error: expect.stringMatching(/./),
  });
});
