import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import {
  CommandResponseSchema,
  ConnectionResponseSchema,
  Status,
} from "../../../protos/gen/rpc_pb.js";
import { commandResult, connectResult } from "../../../src/controllers/rpc/results.ts";
import { NO_EFFECTS } from "../../../src/messages/result.ts";

const FULL = {
  streams: ["a"],
  stoppedStreams: ["b"],
  stopStreams: true,
  transmissions: ["hi"],
  disconnect: true,
  env: { cstate: { c: "1" }, istate: { i: "" } },
};

describe("Connect", () => {
  test("SUCCESS brings identifiers, transmissions, cstate and interest; istate is ignored", () => {
    const response = create(ConnectionResponseSchema, {
      status: Status.SUCCESS,
      identifiers: "me",
      transmissions: ["w"],
      env: { cstate: { c: "1" }, istate: { i: "1" } },
    });

    expect(connectResult(response)).toEqual({
      status: "success",
      identifiers: "me",
      transmissions: ["w"],
      cstate: new Map([["c", "1"]]),
      interest: true,
    });
  });

  test("FAILURE brings transmissions and cstate", () => {
    const response = create(ConnectionResponseSchema, {
      status: Status.FAILURE,
      transmissions: ["no"],
    });

    expect(connectResult(response)).toEqual({
      status: "failure",
      transmissions: ["no"],
      cstate: null,
    });
  });

  test.each([Status.ERROR, 3 as Status])("status %p brings an error only", (status) => {
    const response = create(ConnectionResponseSchema, {
      status,
      transmissions: ["w"],
      errorMsg: "oops",
    });

    expect(connectResult(response)).toEqual({ status: "error", error: "Application error: oops" });
  });

  test("An error text over 100 bytes is cut", () => {
    const response = create(ConnectionResponseSchema, { errorMsg: "x".repeat(300) });

    const error = `Application error: ${"x".repeat(100)}...(200)`;
    expect(connectResult(response)).toEqual({ status: "error", error });
  });
});

describe("Command", () => {
  test("SUCCESS of a subscribe brings every effect, and interest", () => {
    const response = create(CommandResponseSchema, { status: Status.SUCCESS, ...FULL });

    expect(commandResult("subscribe", response)).toEqual({
      status: "success",
      effects: {
        streams: ["a"],
        stoppedStreams: ["b"],
        stopStreams: true,
        transmissions: ["hi"],
        cstate: new Map([["c", "1"]]),
        istate: new Map([["i", ""]]),
        presence: null,
        disconnect: true,
        interest: true,
      },
    });
  });

  test("FAILURE of a subscribe leaves streams and channel state alone", () => {
    const response = create(CommandResponseSchema, { status: Status.FAILURE, ...FULL });

    expect(commandResult("subscribe", response)).toMatchObject({
      status: "failure",
      effects: { streams: [], stoppedStreams: [], istate: null, transmissions: ["hi"] },
    });
  });

  test("FAILURE of a message has the effects of SUCCESS", () => {
    const response = create(CommandResponseSchema, { status: Status.FAILURE, ...FULL });

    expect(commandResult("message", response)).toMatchObject({
      status: "failure",
      effects: { streams: ["a"], stoppedStreams: ["b"], istate: new Map([["i", ""]]) },
    });
  });

  test("An unsubscribe ignores channel state and adds no interest", () => {
    const response = create(CommandResponseSchema, { status: Status.SUCCESS, ...FULL });

    expect(commandResult("unsubscribe", response)).toMatchObject({
      effects: { istate: null, interest: false },
    });
  });

  test("An answer without anything has no effects", () => {
    const response = create(CommandResponseSchema, { status: Status.SUCCESS, env: {} });

    expect(commandResult("message", response)).toEqual({ status: "success", effects: NO_EFFECTS });
  });

  test.each([
    ['{"name":"V"}', '{"name":"V"}'],
    ["plain", '"plain"'],
    ["42", "42"],
    ["", ""],
  ])("Presence info %p is handed on as %p", (info, text) => {
    const presence = { type: "join", id: "42", info, ttl: 9 };
    const response = create(CommandResponseSchema, { status: Status.SUCCESS, presence });

    expect(commandResult("message", response)).toMatchObject({
      effects: { presence: { type: "join", id: "42", info: text } },
    });
  });

  test("State keys such as __proto__ are keys like any other", () => {
    const cstate = JSON.parse('{"__proto__":"1"}');
    const response = create(CommandResponseSchema, { status: Status.SUCCESS, env: { cstate } });

    expect(commandResult("message", response)).toMatchObject({
      effects: { cstate: new Map([["__proto__", "1"]]) },
    });
  });
});
