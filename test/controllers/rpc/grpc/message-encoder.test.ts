import { expect, test } from "bun:test";
import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import {
  CommandMessageSchema,
  CommandResponseSchema,
  ConnectionRequestSchema,
  DisconnectRequestSchema,
} from "../../../../protos/gen/rpc_pb.js";
import { MessageEncoder } from "../../../../src/controllers/rpc/grpc/message-encoder.ts";
import { framed } from "./wire.ts";

const LONG = "x".repeat(70_000);
const TEXTS = ["", "a", "é", "日本", "😀", "x".repeat(127), "x".repeat(128), "é".repeat(100), LONG];
const env = { url: "u", headers: { cookie: "a=1", REMOTE_ADDR: "127.0.0.1" }, cstate: { k: "" } };

function frames(schema: DescMessage, fields: Record<string, unknown>) {
  const message = create(schema, fields);
  return {
    ours: Buffer.from(new MessageEncoder().frame(schema, message)),
    library: framed(toBinary(schema, message)),
  };
}

test("A connect request is framed as on the wire", () => {
  const message = create(ConnectionRequestSchema, { env: { url: "u" } });

  const frame = new MessageEncoder().frame(ConnectionRequestSchema, message);

  expect(Buffer.from(frame).toString("hex")).toBe("00000000051a030a0175");
});

test.each(TEXTS.map((text) => [text.length, text] as const))(
  "A text of %i units has the bytes of the library's encoder",
  (_, text) => {
    const fields = { command: "message", identifier: text, data: text, env };

    const { ours, library } = frames(CommandMessageSchema, fields);

    expect(ours.equals(library)).toBe(true);
  },
);

test("Lists and maps have the bytes of the library's encoder, __proto__ included", () => {
  const istate = Object.fromEntries([
    ["__proto__", "1"],
    ["b", "é"],
    [LONG, ""],
  ]);
  const fields = { identifiers: "me", subscriptions: ["a", "", LONG], env: { ...env, istate } };

  const { ours, library } = frames(DisconnectRequestSchema, fields);

  expect(ours.equals(library)).toBe(true);
});

test("An empty message and an empty child have the bytes of the library's encoder", () => {
  for (const fields of [{}, { env: {} }]) {
    const { ours, library } = frames(CommandMessageSchema, fields);

    expect(ours.equals(library)).toBe(true);
  }
});

test("Frames keep their bytes when the next one is made", () => {
  const encoder = new MessageEncoder();
  const message = create(CommandMessageSchema, { data: "first" });
  const first = Buffer.from(encoder.frame(CommandMessageSchema, message));
  const copy = Buffer.from(first);

  encoder.frame(CommandMessageSchema, create(CommandMessageSchema, { data: LONG.repeat(20) }));
  encoder.frame(CommandMessageSchema, create(CommandMessageSchema, { data: "other" }));

  expect(first).toEqual(copy);
});

test("Text without a UTF-8 form is refused, the next message is whole", () => {
  const encoder = new MessageEncoder();
  const bad = create(CommandMessageSchema, { identifier: "x", data: "a\ud800" });
  const good = create(CommandMessageSchema, { data: "a" });

  expect(() => encoder.frame(CommandMessageSchema, bad)).toThrow("invalid UTF-8");

  expect(Buffer.from(encoder.frame(CommandMessageSchema, good)).toString("hex")).toBe(
    "0000000003220161",
  );
});

test("A message with other kinds of fields is refused rather than cut", () => {
  const message = create(CommandResponseSchema, { status: 1 });

  expect(() => new MessageEncoder().frame(CommandResponseSchema, message)).toThrow(TypeError);
});
