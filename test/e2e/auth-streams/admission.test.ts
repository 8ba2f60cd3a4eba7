import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt } from "../../support/tokens.ts";
import {
  AUTH_FAILED,
  expectMetrics,
  refusalOf,
  welcomed,
  welcomedWithSid,
} from "../../support/welcomed.ts";
import { BASE, channel, perform, signedPubsub, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const USER = '{"user_id":42}';
const VALID = jwt("qwerty", { ext: USER });
const REFUSED = { texts: [UNAUTHORIZED], close: AUTH_FAILED };
const byQuery = (token: string) => ({ path: `/cable?jid=${token}` });

test.concurrent("auth-streams#6 Enforced tokens beat --noauth", async () => {
  await using server = await Cableway.start(["--secret=x", "--enforce_jwt", "--noauth", "--norpc"]);

  expect(await refusalOf(server)).toEqual(REFUSED);

  await expectMetrics(server, { failed_auths_total: 1 });
  await server.logged("JWT authentication is enabled (param: jid, enforced: true)");
});

test.concurrent("auth-streams#7 Enforcing tokens without a secret changes nothing: the session is its own identifier", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--enforce_jwt", "--noauth", application.option]);
  const { client, sid } = await welcomedWithSid(server);
  using _client = client;

  await client.subscribe(channel("Chat"));

  expect(application.calls.map(({ name }) => name)).toEqual(["command"]);
  expect(application.calls[0]?.request.connection_identifiers).toBe(`{"sid":"${sid}"}`);
});

test.concurrent("auth-streams#8 Public mode with a secret needs no token but refuses a bad one", async () => {
  await using server = await Cableway.start(["--secret=x", "--public", "--norpc"]);

  using _anybody = await welcomed(server);
  using _known = await welcomed(server, byQuery(jwt("x", { ext: "" })));

  expect(await refusalOf(server, byQuery("garbage"))).toEqual(REFUSED);
});

test.concurrent("auth-streams#9 Without a token the application decides, or nobody; a bad token never reaches it", async () => {
  await using lonely = await Cableway.start(["--secret=x", "--norpc"]);
  await using application = await Application.start();
  await using server = await Cableway.start(["--secret=x", application.option]);

  expect(await refusalOf(lonely)).toEqual(REFUSED);

  using _client = await welcomed(server);
  expect(application.calls.map(({ name }) => name)).toEqual(["connect"]);
  expect(await refusalOf(server, byQuery("garbage"))).toEqual(REFUSED);
  expect(application.calls).toHaveLength(1);
});

test.concurrent("Without a secret a token means nothing: the application decides, or nobody", async () => {
  await using lonely = await Cableway.start(["--norpc"]);
  await using application = await Application.start();
  await using server = await Cableway.start([application.option]);

  expect(await refusalOf(lonely, byQuery(VALID))).toEqual(REFUSED);

  using _client = await welcomed(server, { headers: { "X-JID": VALID } });
  const { headers } = application.calls[0]?.request.env ?? {};
  expect(headers?.["x-jid"]).toBeUndefined();
});

test.concurrent("auth-streams#11 A token's client that used local streams only leaves without a Disconnect call", async () => {
  await using application = await Application.start();
  const options = ["--secret=qwerty", "--disconnect_mode=auto", "--disconnect_rate=1000"];
  await using server = await Cableway.start([...options, application.option]);
  const local = await welcomed(server, byQuery(VALID));
  await local.subscribe(signedPubsub("qwerty", "a"));
  const ofApplication = await welcomed(server);

  local.drop();
  ofApplication.drop();

  await application.called("disconnect");
  server.signal(); // a shutdown makes the calls that are still due
  await server.exited();
  const gone = application.named("disconnect").map(({ request }) => request.identifiers);
  expect(gone).toEqual(["me"]);
});

test.concurrent("A rejected local subscription does not make a Disconnect call due", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--secret=qwerty", application.option]);
  const client = await welcomed(server, byQuery(VALID));
  client.send({ command: "subscribe", identifier: signedPubsub("other", "a") });
  expect(await client.next()).toMatchObject({ type: "reject_subscription" });

  client.drop();
  server.signal();
  await server.exited();

  expect(application.calls).toEqual([]);
});

test.concurrent("auth-streams#12 A token of header or sub-protocol goes with every command, one of the query in the URL only", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([
    "--secret=qwerty",
    "--headers=origin",
    application.option,
  ]);
  const ways = [
    [{ headers: { "X-JID": VALID } }, VALID, "/cable"],
    [{ subprotocol: `${BASE}, anycable-token.${VALID}` }, VALID, "/cable"],
    [byQuery(VALID), undefined, `/cable?jid=${VALID}`],
  ] as const;

  for (const [arrival, inHeader, target] of ways) {
    using client = await welcomed(server, arrival);
    await client.subscribe(channel("Chat"));
    client.send(perform(channel("Chat"), "{}"));
    await application.called("command", application.named("command").length + 1);
    for (const { request } of application.named("command").slice(-2)) {
      expect(request.env.headers["x-jid"]).toBe(inHeader as string);
      expect(request.env.url).toBe(`${server.url}${target}`);
    }
  }
});
