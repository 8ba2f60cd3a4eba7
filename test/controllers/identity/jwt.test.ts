import { expect, test } from "bun:test";
import { JwtController } from "../../../src/controllers/identity/jwt.ts";
import { PublicController } from "../../../src/controllers/identity/public.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { client, openSignal } from "../clients.ts";
import {
  DONE_BY_APPLICATION,
  LET_IN_BY_APPLICATION,
  RecordingController,
} from "../recording-controller.ts";
import { signToken, USER_42, VECTORS } from "./tokens.ts";

const WELCOME = {
  status: "success",
  identifiers: USER_42,
  transmissions: [{ type: "welcome", sid: "s1", restoredIds: null }],
  cstate: null,
  interest: false,
} as const;
const UNAUTHORIZED = {
  status: "failure",
  transmissions: [{ type: "disconnect", reason: "unauthorized", reconnect: false }],
  cstate: null,
} as const;
const TOKEN_EXPIRED = {
  status: "failure",
  transmissions: [{ type: "disconnect", reason: "token_expired", reconnect: false }],
  cstate: null,
} as const;

function create(given: { param?: string; isEnforced?: boolean } = {}) {
  const application = new RecordingController();
  const log = new FakeLog();
  const options = { secret: "qwerty", param: "jid", isEnforced: false, ...given };
  const jwt = new JwtController(options, { next: application, clock: new FakeClock(), log });
  const connect = (of: Parameters<typeof client>[0]) => jwt.authenticate(client(of), openSignal());
  return { jwt, connect, application, log, options };
}

test("JwtController lets a client with a valid token in as its `ext`, without the application", async () => {
  const { connect, application } = create();

  expect(await connect({ query: `?jid=${VECTORS.hs256}` })).toEqual(WELCOME);
  expect(application.calls).toEqual([]);
});

test("JwtController tells an expired token from a bad one, and asks nobody else", async () => {
  const { connect, application, log } = create();

  expect(await connect({ query: `?jid=${VECTORS.expired}` })).toEqual(TOKEN_EXPIRED);
  expect(await connect({ query: `?jid=${VECTORS.signedWithAsdf}` })).toEqual(UNAUTHORIZED);
  expect(await connect({ query: "?jid=garbage" })).toEqual(UNAUTHORIZED);
  expect(application.calls).toEqual([]);
  expect(log.messages("debug")).toEqual(["token has expired", "invalid token", "invalid token"]);
  expect(log.records.map(({ attributes }) => attributes["sid"])).toEqual(["s1", "s1", "s1"]);
});

test("JwtController answers a token without a usable `ext` with an error that shows no claim", async () => {
  const { connect } = create();
  const token = signToken('{"ext":{"k":1},"email":"someone@private"}');

  expect(await connect({ query: `?jid=${token}` })).toEqual({
    status: "error",
    error: "token has no string claim `ext`",
  });
});

test("JwtController prefers the header to the query", async () => {
  const { connect } = create();
  const header = (token: string) => ({ headers: { "x-jid": token } });

  const good = await connect({ query: `?jid=${VECTORS.expired}`, ...header(VECTORS.hs256) });
  const bad = await connect({ query: `?jid=${VECTORS.hs256}`, ...header(VECTORS.expired) });

  expect([good, bad]).toEqual([WELCOME, TOKEN_EXPIRED]);
});

test("JwtController takes the query when the header is empty, and its first value when it is repeated", async () => {
  const { connect } = create();
  const query = `?a=1&jid=${VECTORS.hs256}&jid=${VECTORS.expired}`;

  expect(await connect({ query, headers: { "x-jid": "" } })).toEqual(WELCOME);
});

test("JwtController looks for another parameter when told, case by case in the query", async () => {
  const { connect } = create({ param: "Token", isEnforced: true });
  const token = VECTORS.hs256;

  expect(await connect({ query: `?Token=${token}` })).toEqual(WELCOME);
  expect(await connect({ headers: { "x-token": token } })).toEqual(WELCOME);
  expect(await connect({ query: `?token=${token}` })).toEqual(UNAUTHORIZED);
});

test.each(["?jid=%zz", "?%zz;&a=1", "?jid", "?jid=", "?", ""])(
  "JwtController lives with the query %p",
  async (query) => {
    const { connect } = create({ isEnforced: true });

    expect(await connect({ query })).toEqual(UNAUTHORIZED);
  },
);

test("JwtController sends clients without a token to the wrapped controller", async () => {
  const { connect, application } = create();

  expect(await connect({})).toEqual(LET_IN_BY_APPLICATION);
  expect(application.calls).toEqual([["authenticate", "s1"]]);
});

test("JwtController refuses clients without a token when tokens are enforced, public or not", async () => {
  const { options, log } = create({ isEnforced: true });
  const next = new PublicController({ next: new RecordingController() });
  const jwt = new JwtController(options, { next, clock: new FakeClock(), log });

  expect(await jwt.authenticate(client(), openSignal())).toEqual(UNAUTHORIZED);
});

test("JwtController logs where a client without a token came from, and no value that is its own", async () => {
  const { connect, log } = create();

  await connect({ query: "?sid=secret-sid", headers: { cookie: "secret-cookie", origin: "o" } });

  expect(log.records).toEqual([
    {
      level: "debug",
      message: "no token is found",
      attributes: {
        context: "jwt",
        sid: "s1",
        url: "http://cable.test/cable",
        headers: "cookie,origin",
      },
    },
  ]);
});

test("JwtController never logs a token", async () => {
  const { connect, log } = create();
  const tokens = [VECTORS.expired, VECTORS.signedWithAsdf, VECTORS.unsigned, "se.cr.et", "secret"];

  for (const token of tokens) await connect({ query: `?jid=${token}` });

  const lines = JSON.stringify(log.records);
  for (const token of tokens) expect(lines).not.toContain(token);
});

test("JwtController gives up when the session was closed meanwhile", async () => {
  const { jwt } = create();
  const session = new AbortController();
  const answer = jwt.authenticate(client({ query: `?jid=${VECTORS.hs256}` }), session.signal);

  session.abort();

  expect(await answer).toEqual({ status: "canceled" });
});

test("JwtController passes all commands to the wrapped controller", async () => {
  const { jwt, application } = create();
  const signal = openSignal();

  expect(await jwt.subscribe(client(), "i", signal)).toEqual(DONE_BY_APPLICATION);
  expect(await jwt.perform(client(), "i", "{}", signal)).toEqual(DONE_BY_APPLICATION);
  expect(await jwt.unsubscribe(client(), "i", signal)).toEqual(DONE_BY_APPLICATION);
  await jwt.disconnect(client(), ["i"]);

  expect(application.calls).toEqual([
    ["subscribe", "s1", "i"],
    ["perform", "s1", "i", "{}"],
    ["unsubscribe", "s1", "i"],
    ["disconnect", "s1", "i"],
  ]);
});
