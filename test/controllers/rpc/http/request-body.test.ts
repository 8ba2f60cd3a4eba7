import { expect, test } from "bun:test";
import {
  commandBody,
  connectBody,
  disconnectBody,
} from "../../../../src/controllers/rpc/http/request-body.ts";
import {
  commandMessage,
  connectionRequest,
  disconnectRequest,
} from "../../../../src/controllers/rpc/requests.ts";
import { someClient } from "../room.ts";

const CHAT = '{"channel":"Chat"}';
const headers = { cookie: "a=1", REMOTE_ADDR: "127.0.0.1" };
const env = { url: "http://localhost:8080/cable", headers };
const ENV =
  '"url":"http://localhost:8080/cable","headers":{"REMOTE_ADDR":"127.0.0.1","cookie":"a=1"}';

test("A connect is its env, headers sorted, without what is empty", () => {
  expect(connectBody(connectionRequest(someClient({ env })))).toBe(`{"env":{${ENV}}}`);
});

test("A command has its fields in order, and the states that are there", () => {
  const client = someClient({
    env,
    identifiers: '{"user_id":42}',
    cstate: new Map([["k", "v"]]),
    istate: new Map([[CHAT, new Map([["room", "1"]])]]),
  });

  expect(commandBody(commandMessage(client, "message", CHAT, '{"action":"speak"}'))).toBe(
    `{"command":"message","identifier":"{\\"channel\\":\\"Chat\\"}","connection_identifiers":"{\\"user_id\\":42}","data":"{\\"action\\":\\"speak\\"}","env":{${ENV},"cstate":{"k":"v"},"istate":{"room":"1"}}}`,
  );
});

test("Empty data is left out (rpc#9)", () => {
  const body = JSON.parse(commandBody(commandMessage(someClient(), "message", CHAT, "")));

  expect(Object.keys(body)).toEqual(["command", "identifier", "env"]);
});

test("A disconnect lists subscriptions and the states of their channels as text", () => {
  const istate = new Map([[CHAT, new Map([["room", "1"]])]]);
  const client = someClient({ env, identifiers: "me", istate });

  expect(JSON.parse(disconnectBody(disconnectRequest(client, [CHAT])))).toEqual({
    identifiers: "me",
    subscriptions: [CHAT],
    env: { ...env, istate: { [CHAT]: '{"room":"1"}' } },
  });
  expect(disconnectBody(disconnectRequest(someClient({ env }), []))).toBe(`{"env":{${ENV}}}`);
});

test("Keys such as __proto__ go out like any other, broken text with U+FFFD", () => {
  const cstate = new Map([["__proto__", "a\ud800"]]);

  const body = connectBody(connectionRequest(someClient({ cstate })));

  expect(body).toContain('"cstate":{"__proto__":"a\ufffd"}');
});

test("Keys are in the order of their bytes", () => {
  const cstate = new Map([
    ["😀", "4"],
    ["\uffee", "3"],
    ["9", "2"],
    ["10", "1"],
  ]);
  const client = someClient({ cstate, istate: new Map([[CHAT, cstate]]) });
  const sorted = '{"10":"1","9":"2","\uffee":"3","😀":"4"}';

  expect(connectBody(connectionRequest(client))).toContain(`"cstate":${sorted}`);
  expect(disconnectRequest(client, []).env?.istate[CHAT]).toBe(sorted);
});
