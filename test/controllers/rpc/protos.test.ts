import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CommandMessageSchema,
  CommandResponseSchema,
  ConnectionRequestSchema,
  ConnectionResponseSchema,
  DisconnectRequestSchema,
  EnvSchema,
  Status,
} from "../../../protos/gen/rpc_pb.js";

const ROOT = join(import.meta.dir, "../../..");

test("Generated protobuf code is what the .proto files give", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cableway-protos-"));
  try {
    const child = Bun.spawn([join(ROOT, "scripts/generate-protos.sh"), folder]);

    expect(await child.exited).toBe(0);

    expect(contents(join(folder, "gen"))).toEqual(contents(join(ROOT, "protos/gen")));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const env = { url: "u" };
const VECTORS: readonly {
  readonly schema: DescMessage;
  readonly fields: Record<string, unknown>;
  readonly hex: string;
}[] = [
  { schema: ConnectionRequestSchema, fields: { env }, hex: "1a030a0175" },
  {
    schema: EnvSchema,
    fields: { url: "u", headers: { cookie: "a=1" } },
    hex: "0a0175120d0a06636f6f6b69651203613d31",
  },
  {
    schema: CommandMessageSchema,
    fields: { command: "subscribe", identifier: "x", connectionIdentifiers: "y", env },
    hex: "0a097375627363726962651201781a01792a030a0175",
  },
  {
    schema: DisconnectRequestSchema,
    fields: {
      identifiers: "y",
      subscriptions: ["x"],
      env: { url: "u", istate: { x: '{"r":"1"}' } },
    },
    hex: "0a01791201782a130a0175220e0a017812097b2272223a2231227d",
  },
  {
    schema: ConnectionResponseSchema,
    fields: {
      status: Status.SUCCESS,
      identifiers: "{}",
      transmissions: ["w"],
      env: { cstate: { k: "v" } },
    },
    hex: "080112027b7d1a01772a080a060a016b120176",
  },
  {
    schema: CommandResponseSchema,
    fields: { status: Status.SUCCESS, streams: ["a"], presence: { type: "join", id: "1" } },
    hex: "08012201614a090a046a6f696e120131",
  },
];

test.each(VECTORS)(
  "$schema.name has the bytes of the wire, both ways (rpc#2)",
  ({ schema, fields, hex }) => {
    const message = create(schema, fields);

    expect(Buffer.from(toBinary(schema, message)).toString("hex")).toBe(hex);
    expect(fromBinary(schema, Buffer.from(hex, "hex"))).toEqual(message);
  },
);

test("An empty CommandResponse is a message with status ERROR", () => {
  expect(fromBinary(CommandResponseSchema, new Uint8Array()).status).toBe(Status.ERROR);
});

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}
