import { expect, test } from "bun:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { DisconnectRequestSchema } from "../../../protos/gen/rpc_pb.js";
import {
  commandMessage,
  connectionRequest,
  disconnectRequest,
} from "../../../src/controllers/rpc/requests.ts";
import { someClient } from "./room.ts";

const CHAT = '{"channel":"Chat"}';

test("A connect carries url, headers and cstate, and no istate", () => {
  const client = someClient({
    cstate: new Map([["k", "v"]]),
    istate: new Map([[CHAT, new Map([["room", "1"]])]]),
  });

  expect(connectionRequest(client).env).toMatchObject({
    url: "http://localhost:8080/cable",
    headers: { REMOTE_ADDR: "127.0.0.1" },
    cstate: { k: "v" },
    istate: {},
  });
});

test("A command carries the flat state of its own channel only", () => {
  const istate = new Map([
    [CHAT, new Map([["room", "1"]])],
    ['{"channel":"Other"}', new Map([["room", "2"]])],
  ]);

  const message = commandMessage(someClient({ identifiers: "me", istate }), "message", CHAT, "hi");

  expect(message).toMatchObject({
    command: "message",
    identifier: CHAT,
    connectionIdentifiers: "me",
    data: "hi",
    env: { istate: { room: "1" } },
  });
});

test("A disconnect carries the state of every channel as JSON text with sorted keys", () => {
  const istate = new Map([
    [
      CHAT,
      new Map([
        ["room", "1"],
        ["a", '"'],
      ]),
    ],
    ["emptied", new Map<string, string>()],
  ]);

  const request = disconnectRequest(someClient({ identifiers: "me", istate }), [CHAT]);

  expect(request.identifiers).toBe("me");
  expect(request.subscriptions).toEqual([CHAT]);
  expect({ ...request.env?.istate }).toEqual({ [CHAT]: '{"a":"\\"","room":"1"}', emptied: "{}" });
});

test("Names such as __proto__ are keys like any other, all the way through the wire", () => {
  const state = new Map([["__proto__", "1"]]);
  const istate = new Map([
    ["__proto__", state],
    ["constructor", state],
  ]);
  const request = disconnectRequest(someClient({ cstate: state, istate }), []);

  const { env } = fromBinary(DisconnectRequestSchema, toBinary(DisconnectRequestSchema, request));

  expect(Object.entries(env?.cstate ?? {})).toEqual([["__proto__", "1"]]);
  expect(Object.entries(env?.istate ?? {})).toEqual([
    ["__proto__", '{"__proto__":"1"}'],
    ["constructor", '{"__proto__":"1"}'],
  ]);
});

test("A request does not change with the client afterwards", () => {
  const cstate = new Map([["k", "v"]]);
  const request = connectionRequest(someClient({ cstate }));

  cstate.set("k", "changed");

  expect({ ...request.env?.cstate }).toEqual({ k: "v" });
});
