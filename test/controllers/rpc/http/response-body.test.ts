import { expect, test } from "bun:test";
import {
  parseCommandResponse,
  parseConnectionResponse,
  parseDisconnectResponse,
} from "../../../../src/controllers/rpc/http/response-body.ts";

const T = '"transmissions":["hi"]';

test("A command answer has every field by its snake case name", () => {
  const body = JSON.stringify({
    status: 1,
    disconnect: true,
    stop_streams: true,
    streams: ["a"],
    transmissions: ["hi"],
    error_msg: "e",
    env: { cstate: { c: "1" }, istate: { i: "2" } },
    stopped_streams: ["b"],
    presence: { type: "join", id: "42", info: "{}", ttl: 9 },
  });

  expect(parseCommandResponse(body)).toMatchObject({
    status: 1,
    disconnect: true,
    stopStreams: true,
    streams: ["a"],
    transmissions: ["hi"],
    errorMsg: "e",
    env: { cstate: { c: "1" }, istate: { i: "2" } },
    stoppedStreams: ["b"],
    presence: { type: "join", id: "42", info: "{}", ttl: 9 },
  });
});

test.each([
  [`{"status":1,"extra":{"a":[1]},${T}}`, 1, ["hi"]],
  ['{"status":1,"extra":true,"transmissions":null}', 1, []],
  [`{"status":1,"env":null,"identifiers":null,"error_msg":null,${T}}`, 1, ["hi"]],
  ['{"status":1,"transmissions":["hi",null,"yo"]}', 1, ["hi", "", "yo"]],
  [` \n{"status":1,${T}}\n`, 1, ["hi"]],
  [`{"STATUS":1,"Transmissions":["hi"]}`, 1, ["hi"]],
  [`{"status":3,${T}}`, 3, ["hi"]],
  ["null", 0, []],
  ["{}", 0, []],
  [`{${T}}`, 0, ["hi"]],
])("%j is an answer", (body, status, transmissions) => {
  expect(parseConnectionResponse(body)).toMatchObject({ status, transmissions });
});

test.each([
  "",
  "oops",
  "[]",
  "1",
  '"x"',
  `{"status":"SUCCESS",${T}}`,
  `{"status":1.5,${T}}`,
  `{"status":true,${T}}`,
  `{"status":3000000000,${T}}`,
  '{"status":1,"transmissions":"hi"}',
  '{"status":1,"transmissions":[5]}',
  '{"status":1,"identifiers":5}',
  '{"status":1,"env":[]}',
  '{"status":1,"env":{"cstate":{"a":1}}}',
  `{"status":1,${T}} x`,
  `{"status":1,${T}`,
])("%p is none", (body) => {
  expect(() => parseConnectionResponse(body)).toThrow(
    expect.objectContaining({ code: "rpc_bad_response" }),
  );
});

test("Camel case names are not known", () => {
  const body = '{"status":1,"stopStreams":true,"errorMsg":"x"}';

  expect(parseCommandResponse(body)).toMatchObject({ stopStreams: false, errorMsg: "" });
});

test("A flag that is no boolean is no answer", () => {
  expect(() => parseCommandResponse('{"status":1,"disconnect":1}')).toThrow();
});

test("State keys such as __proto__ are keys like any other", () => {
  const { env } = parseCommandResponse('{"status":1,"env":{"cstate":{"__proto__":"1"}}}');

  expect(Object.entries(env?.cstate ?? {})).toEqual([["__proto__", "1"]]);
});

test("A disconnect answer is status and error text", () => {
  expect(parseDisconnectResponse('{"status":0,"error_msg":"x"}')).toMatchObject({
    status: 0,
    errorMsg: "x",
  });
});

test("An answer of a wrong type is named", () => {
  expect(() => parseConnectionResponse("[]")).toThrow(/^the response must be an object$/);
  expect(() => parseConnectionResponse('{"env":[]}')).toThrow(
    /^env in the response must be an object$/,
  );
});
