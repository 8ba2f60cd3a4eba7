import { expect, test } from "bun:test";
import type { PublicationReply, Reply } from "../../../src/messages/reply.ts";
import { jsonEncoder } from "../../../src/protocols/actioncable/json-encoder.ts";

const CHAT = '{"channel":"Chat"}';
const encode = (reply: Reply): unknown => jsonEncoder.encode(reply).data;

function publicationReply(given: Partial<PublicationReply>): PublicationReply {
  return {
    type: "publication",
    identifier: CHAT,
    message: '{"b":1,"a":12345678901234567890}',
    broadcastType: "",
    stream: "s",
    epoch: "",
    offset: 0,
    ...given,
  };
}

test("encode writes the server's own messages byte for byte as the catalogue says", () => {
  const catalogue: readonly (readonly [Reply, string])[] = [
    [{ type: "welcome", sid: "X", restoredIds: null }, '{"type":"welcome","sid":"X"}'],
    [
      { type: "welcome", sid: "X", restoredIds: [] },
      '{"type":"welcome","sid":"X","restored":true}',
    ],
    [
      { type: "welcome", sid: "X", restoredIds: ["a", "b"] },
      '{"type":"welcome","sid":"X","restored":true,"restored_ids":["a","b"]}',
    ],
    [
      { type: "ping", message: "1700000000123456789" },
      '{"type":"ping","message":1700000000123456789}',
    ],
    [{ type: "pong" }, '{"type":"pong"}'],
    [
      { type: "confirm_subscription", identifier: CHAT },
      '{"type":"confirm_subscription","identifier":"{\\"channel\\":\\"Chat\\"}"}',
    ],
    [{ type: "reject_subscription", identifier: "" }, '{"type":"reject_subscription"}'],
    [{ type: "confirm_history", identifier: "x" }, '{"type":"confirm_history","identifier":"x"}'],
    [{ type: "reject_history", identifier: "x" }, '{"type":"reject_history","identifier":"x"}'],
    [
      { type: "disconnect", reason: "remote", reconnect: false },
      '{"type":"disconnect","reason":"remote","reconnect":false}',
    ],
  ];

  for (const [reply, text] of catalogue) expect(encode(reply)).toBe(text);
});

test("encode writes a publication with the publisher's own JSON, and a position only when there is one", () => {
  expect(encode(publicationReply({}))).toBe(
    '{"identifier":"{\\"channel\\":\\"Chat\\"}","message":{"b":1,"a":12345678901234567890}}',
  );
  expect(encode(publicationReply({ message: "1", epoch: "aB3x", offset: 7 }))).toBe(
    '{"identifier":"{\\"channel\\":\\"Chat\\"}","message":1,"stream_id":"s","epoch":"aB3x","offset":7}',
  );
  expect(
    encode(publicationReply({ identifier: "", broadcastType: "presence", message: "1" })),
  ).toBe('{"type":"presence","message":1}');
});

test("encode writes presence: members, the total alone, nobody, or that it could not be read", () => {
  const presence = (info: Extract<Reply, { type: "presence" }>["info"]): unknown =>
    encode({ type: "presence", identifier: "x", info });
  const records = [
    { id: "42", info: '{"name":"V"}' },
    { id: '"', info: "" },
  ];

  expect(presence({ total: 2, records })).toBe(
    '{"type":"presence","identifier":"x","message":{"type":"info","total":2,' +
      '"records":[{"info":{"name":"V"},"id":"42"},{"id":"\\""}]}}',
  );
  expect(presence({ total: 2, records: [] })).toBe(
    '{"type":"presence","identifier":"x","message":{"type":"info","total":2}}',
  );
  expect(presence(null)).toBe(
    '{"type":"presence","identifier":"x","message":{"type":"error","total":0}}',
  );
});

test("encode escapes whatever clients chose: sids, identifiers, streams [Q12]", () => {
  const nasty = '"}\u2028\n\\';

  for (const reply of [
    { type: "welcome", sid: nasty, restoredIds: [nasty] },
    { type: "confirm_subscription", identifier: nasty },
    publicationReply({ identifier: nasty, stream: nasty, epoch: nasty, broadcastType: nasty }),
  ] as const) {
    expect(JSON.stringify(JSON.parse(String(encode(reply))))).toContain(JSON.stringify(nasty));
  }
});

test("encode counts the bytes of a frame, not its characters", () => {
  expect(jsonEncoder.encode({ type: "confirm_history", identifier: "é☃" }).bytes).toBe(
    Buffer.byteLength('{"type":"confirm_history","identifier":"é☃"}'),
  );
});

test("encodeRaw passes the application's text as it is", () => {
  expect(jsonEncoder.encodeRaw('{"type" : "é"}')).toEqual({ data: '{"type" : "é"}', bytes: 15 });
});

test("decode refuses more than 10 000 levels: to write them back would stop the server for a second", () => {
  const whisper = (levels: number, inside = "") =>
    `{"command":"whisper","data":${"[".repeat(levels - 1)}${inside}${"]".repeat(levels - 1)}}`;

  expect(jsonEncoder.decode(whisper(10_000)).command).toBe("whisper");
  expect(jsonEncoder.decode(whisper(10_001))).toEqual({
    command: "malformed",
    error: "nested too deep",
  });
  expect(jsonEncoder.decode(whisper(2, `"\\"${"[".repeat(20_000)}"`)).command).toBe("whisper");
});

// Looking for the digits recurses: a throw left a session that had commands waiting without an end.
test("decode refuses a long numeric presence id in a deeply nested command", () => {
  const deep = "[".repeat(600) + "]".repeat(600);
  const text = `{"command":"join","identifier":"i","presence":{"id":12345678901234567890},"x":${deep}}`;

  expect(jsonEncoder.decode(text)).toEqual({ command: "malformed", error: "nested too deep" });
});

test("decode keeps all digits of a numeric presence id, so that no two users become one", () => {
  const join = (id: string) =>
    jsonEncoder.decode(
      `{"command":"join","identifier":"i","presence":{"id":${id},"info":{"id":12345678901234567890}}}`,
    );

  for (const id of ["1234567890123456781", "-1234567890123456789", "1.5", "1e400"]) {
    expect(join(id)).toMatchObject({ command: "join", presence: { id } });
  }
  expect(join("42")).toMatchObject({ presence: { id: "42" } });
  // Of a repeated key the last counts.
  expect(join('1234567890123456781,"id":1234567890123456789')).toMatchObject({
    presence: { id: "1234567890123456789" },
  });
});

test("decode replaces halves of surrogate pairs, which no UTF-8 can carry", () => {
  const decoded = jsonEncoder.decode(
    '{"command":"message","identifier":"a\\ud800","data":"\\udc00b \\ud83d\\ude00"}',
  );

  expect(decoded).toEqual({ command: "message", identifier: "a\ufffd", data: "\ufffdb 😀" });
  expect(jsonEncoder.decode('{"command":"join","presence":{"id":"\\ud800"}}')).toMatchObject({
    presence: { id: "\ufffd" },
  });
  expect(jsonEncoder.decode('{"command":"\\ud800"}')).toMatchObject({ name: "\ufffd" });
});
