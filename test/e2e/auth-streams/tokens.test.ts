import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt, unixSeconds } from "../../support/tokens.ts";
import {
  AUTH_ERROR,
  AUTH_FAILED,
  expectMetrics,
  refusalOf,
  welcomed,
} from "../../support/welcomed.ts";
import { BASE, channel, EXPIRED, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const FAR = 4_102_444_800;
const USER = '{"user_id":42}';
const VALID = jwt("qwerty", { ext: USER, exp: FAR });
const PAST = jwt("qwerty", { ext: USER, exp: 1_600_000_000 });

// Spec "auth-streams", 2.6. Their secret is `qwerty`.
const HS256 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
const ACCEPTED: readonly (readonly [string, string])[] = [
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwfQ.Uxr4oQ5VZsZywf29tQY-DvEgxKknDuXlKRGTY9pkRDM`,
    USER,
  ],
  [
    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwfQ.ESjIZMIPtkYVHZXRZniPwLKsUiB0BqRxmXWTVnb4DhmdCihpvKo5wXOyfiqJKETW",
    USER,
  ],
  [
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwfQ.KETyZh8qIInnSTQOcQJ5B4epcxixk7Qc_2vQxMc512mbsK8LUAaZb77_sMB3OR6IgiSjfoqHLeH3e2S5LWQ9-w",
    USER,
  ],
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9In0.KYdktEfGIMFCbmaFVsQccssw6TO5kwZQuTpKLRp0ebE`,
    USER,
  ],
  [
    `${HS256}.eyJleHQiOiJ7fSIsImV4cCI6NDEwMjQ0NDgwMH0.FzZ4WgsYiiMbZYqq711yyrQzeuHB-pnOQjrrz1R5mWo`,
    "{}",
  ],
];
const REFUSED: readonly (readonly [string, string])[] = [
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjoxNjAwMDAwMDAwfQ.X66VmfmZ4VY4okLXYMk704k5ISk2YB73B8spGvgM-O0`,
    EXPIRED,
  ],
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjoxNjAwMDAwMDAwfQ.eZtB9ItdG2hR1rAKMSk2Mo2bZ_418YrTtKtXKxpVdL0`,
    UNAUTHORIZED,
  ],
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwfQ.0MFwSiarkfehBa2NZ-NSpQRFuCw8uJ_-bd-N-0zPOlI`,
    UNAUTHORIZED,
  ],
  [
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwfQ.",
    UNAUTHORIZED,
  ],
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjo0MTAyNDQ0ODAwLCJuYmYiOjQxMDI0NDQ3MDB9.i7iVvGRHdk3R08Xk4MPiB4njfm3z2nWfnslYAC-jaBM`,
    UNAUTHORIZED,
  ],
  [
    `${HS256}.eyJleHQiOiJ7XCJ1c2VyX2lkXCI6NDJ9IiwiZXhwIjoiNDEwMjQ0NDgwMCJ9.Qu8TZv3Tuk6mfTRp9OHJmhZuVPwl_WNLVOmpasQvlMM`,
    UNAUTHORIZED,
  ],
];
const BROKEN: readonly string[] = [
  `${HS256}.eyJleHQiOnsidXNlcl9pZCI6NDJ9LCJleHAiOjQxMDI0NDQ4MDB9.psy7amlZ4voNkDFvUw9v8_tsl7xDVvqSYmjR8fb8bP4`,
  `${HS256}.eyJleHAiOjQxMDI0NDQ4MDB9.BNcbik-1701GrjuzjO5UAkYtaT6mMEiK4pQY7tAIjEs`,
];

const byQuery = (token: string) => ({ path: `/cable?jid=${token}` });

test.concurrent("auth-streams#1 A token in the query lets in with its ext, is refused by its flaw, or ends in an error", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--secret=qwerty", application.option]);

  for (const [token, identifiers] of ACCEPTED) {
    using client = await welcomed(server, byQuery(token));
    await client.subscribe(channel("Chat"));
    const { request } = application.named("command").at(-1) ?? {};
    expect(request?.connection_identifiers).toBe(identifiers);
  }
  for (const [token, text] of REFUSED) {
    expect(await refusalOf(server, byQuery(token))).toEqual({ texts: [text], close: AUTH_FAILED });
  }
  for (const token of BROKEN) {
    expect(await refusalOf(server, byQuery(token))).toEqual({ texts: [], close: AUTH_ERROR });
  }

  await expectMetrics(server, { failed_auths_total: REFUSED.length });
  expect(application.named("connect")).toEqual([]);
});

test.concurrent("A token whose ext is no string ends in 1011 without a message before it", async () => {
  await using server = await Cableway.start(["--jwt_secret=k", "--norpc", "--debug"]);

  for (const ext of [{ id: "a-claim" }, ["a-claim"], 42, null, true]) {
    const refusal = await refusalOf(server, byQuery(jwt("k", { ext })));
    expect([ext, refusal]).toEqual([ext, { texts: [], close: AUTH_ERROR }]);
  }
  await expectMetrics(server, { failed_auths_total: 0 });
  expect(server.log).not.toContain("a-claim");
});

test.concurrent("auth-streams#2 The header beats the query", async () => {
  await using server = await Cableway.start(["--jwt_secret=qwerty", "--norpc"]);

  using _client = await welcomed(server, { ...byQuery(PAST), headers: { "X-JID": VALID } });

  const refusal = await refusalOf(server, { ...byQuery(VALID), headers: { "X-JID": PAST } });
  expect(refusal).toEqual({ texts: [EXPIRED], close: AUTH_FAILED });
});

test.concurrent("A token of the sub-protocol list comes after the header and before the query", async () => {
  await using server = await Cableway.start(["--jwt_secret=qwerty", "--norpc"]);
  const offer = (token: string) => ({ subprotocol: `${BASE}, anycable-token.${token}` });

  using _second = await welcomed(server, { ...offer(VALID), ...byQuery(PAST) });
  using _empty = await welcomed(server, { ...offer(""), ...byQuery(VALID) });

  const refusal = await refusalOf(server, { ...offer(VALID), headers: { "x-jid": PAST } });
  expect(refusal.texts).toEqual([EXPIRED]);
});

test.concurrent("auth-streams#3 A token among the sub-protocols lets in and leaves the protocol to be agreed", async () => {
  await using server = await Cableway.start(["--jwt_secret=qwerty", "--norpc"]);

  using client = await server.connect({ subprotocol: `${BASE}, anycable-token.${VALID}` });

  expect(client.response.headers.get("sec-websocket-protocol")).toBe(BASE);
  expect(await client.next()).toMatchObject({ type: "welcome" });
});

test.concurrent("auth-streams#4 A token as the only sub-protocol lets in with none agreed", async () => {
  await using server = await Cableway.start(["--jwt_secret=qwerty", "--norpc"]);

  using client = await server.connect({ subprotocol: `anycable-token.${VALID}` });

  expect(client.response.status).toBe(101);
  expect(client.response.headers.has("sec-websocket-protocol")).toBe(false);
  expect(await client.next()).toMatchObject({ type: "welcome" });
});

test.concurrent("auth-streams#5 jwt_param names the query parameter, by its case, and the header, in any case", async () => {
  await using server = await Cableway.start([
    "--jwt_secret=qwerty",
    "--jwt_param=Token",
    "--norpc",
  ]);

  using _byQuery = await welcomed(server, { path: `/cable?Token=${VALID}` });
  using _byHeader = await welcomed(server, { headers: { "X-Token": VALID } });
  using _byLowerHeader = await welcomed(server, { headers: { "x-token": VALID } });

  const refusal = await refusalOf(server, { path: `/cable?token=${VALID}` });
  expect(refusal).toEqual({ texts: [UNAUTHORIZED], close: AUTH_FAILED });
});

test.concurrent("A token of another form, alphabet, algorithm or key is refused", async () => {
  await using server = await Cableway.start(["--jwt_secret=qwerty", "--norpc"]);
  const [head = "", claims = "", signature = ""] = VALID.split(".");
  const unsigned = (alg: string) =>
    `${Buffer.from(JSON.stringify({ alg })).toString("base64url")}.${claims}.${signature}`;
  const forms = [
    "x",
    "a.b.c",
    `${head}.${claims}`,
    `${head}.${claims}.`,
    `${head}.${claims}.${signature}.x`,
    `${head}.${claims}.${signature}=`,
    `${head}.${claims}.${signature.slice(0, -4)}`,
    ...["RS256", "hs256", "HS384", "none", ""].map(unsigned),
    jwt("", { ext: USER }),
    jwt(Buffer.from("qwerty").toString("base64"), { ext: USER }),
  ];

  for (const token of forms) {
    const refusal = await refusalOf(server, byQuery(token));
    expect([token, refusal.texts]).toEqual([token, [UNAUTHORIZED]]);
  }
  await expectMetrics(server, { failed_auths_total: forms.length });
});

test.concurrent("A token is valid up to the second of its exp; 0 means none and 1e30 the far future", async () => {
  await using server = await Cableway.start(["--jwt_secret=k", "--norpc"]);
  const with_ = (claims: Readonly<Record<string, unknown>>) =>
    byQuery(jwt("k", { ext: "", ...claims }));

  for (const claims of [{ exp: unixSeconds(60) }, { exp: 0 }, { nbf: 0 }, { exp: 1e30 }, {}]) {
    using _client = await welcomed(server, with_(claims));
  }
  for (const exp of [unixSeconds(0), 0.5, -1]) {
    expect((await refusalOf(server, with_({ exp }))).texts).toEqual([EXPIRED]);
  }
  for (const claims of [{ exp: null }, { exp: "1" }, { nbf: unixSeconds(60) }, { nbf: "0" }]) {
    expect((await refusalOf(server, with_(claims))).texts).toEqual([UNAUTHORIZED]);
  }
});
