import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt } from "../../support/tokens.ts";
import { BASE, channel } from "../../support/wire.ts";
import { handshakeText, RawExchange } from "../edge/raw-exchange.ts";

setDefaultTimeout(20_000);

const GOOD = jwt("k", { ext: "me" });
const BAD = "bad";

test.concurrent("protocol#8 A session is named by X-Request-ID, else by 21 random characters", async () => {
  await using server = await Cableway.start(["--noauth", "--norpc"]);

  using named = await server.connect({ headers: { "X-Request-ID": "abc" } });
  using nameless = await server.connect();

  expect(await named.nextText()).toBe('{"type":"welcome","sid":"abc"}');
  const sid = expect.stringMatching(/^[A-Za-z0-9_-]{21}$/);
  expect(await nameless.next()).toEqual({ type: "welcome", sid });
});

test.concurrent("Q12 A session id with quotes and backslashes is escaped in the welcome", async () => {
  await using server = await Cableway.start(["--noauth", "--norpc"]);

  using client = await server.connect({ headers: { "X-Request-ID": 'a"b\\c' } });

  expect(await client.next()).toEqual({ type: "welcome", sid: 'a"b\\c' });
});

test.concurrent("protocol#9 The application gets the listed headers that are there, and the peer's address", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([
    application.option,
    "--headers=cookie,X-Api-Token,X-Empty,host",
  ]);

  const headers = { Cookie: "a=1", "X-API-TOKEN": "t", "X-Empty": "", "User-Agent": "u" };
  using client = await server.connect({ headers: { ...headers, "X-Forwarded-For": "9.9.9.9" } });
  await client.next();

  const [call] = application.named("connect");
  const sent = { cookie: "a=1", "x-api-token": "t", REMOTE_ADDR: "127.0.0.1" };
  expect(call?.request.env.headers).toEqual(sent);
});

test.concurrent("protocol#10 Q3 Cookies are kept by name, with the blanks browsers put between them and any value", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([application.option, "--proxy-cookies=b"]);

  using client = await server.connect({ headers: { Cookie: "a=1; b=2=x" } });
  await client.next();
  using other = await server.connect({ headers: { Cookie: "a=1; bb=2" } });
  await other.next();

  const headers = application.named("connect").map(({ request }) => request.env.headers);
  expect(headers[0]).toEqual({ cookie: "b=2=x;", REMOTE_ADDR: "127.0.0.1" });
  expect(headers[1]).toEqual({ REMOTE_ADDR: "127.0.0.1" });
});

test.concurrent("protocol#11 The application sees the requested URL as http, whatever proxies claim", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([application.option]);
  const claims = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil" };

  const headers = { Host: "h:8080", "X-Request-ID": "r1", ...claims };
  using client = await server.connect({ path: "/cable?x=1&y=%20z&x=2", headers });
  await client.next();
  using plain = await server.connect({ path: "/cable?x=1", headers: { Host: "h:8080" } });
  await plain.next();

  const [first, second] = application.named("connect");
  expect(first?.request.env.url).toBe("http://h:8080/cable?x=1&y=%20z&x=2");
  expect(first?.headers["x-anycable-meta-sid"]).toBe("r1");
  expect(second?.request.env.url).toBe("http://h:8080/cable?x=1");
});

test.concurrent("A token is taken from the header, else the first sub-protocol, else the first query parameter", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k"]);
  const tokens = (...list: string[]) =>
    [BASE, ...list.map((one) => `anycable-token.${one}`)].join(", ");
  const attempts = [
    ["welcome", `/cable?jid=${BAD}`, GOOD, tokens()],
    ["welcome", "/cable", GOOD, tokens(BAD)],
    ["disconnect", "/cable", BAD, tokens(GOOD)],
    ["welcome", `/cable?jid=${BAD}`, null, tokens(GOOD)],
    ["welcome", "/cable", null, tokens(GOOD, BAD)],
    ["welcome", `/cable?jid=${GOOD}&jid=${BAD}`, null, tokens()],
    ["disconnect", `/cable?jid=${BAD}&jid=${GOOD}`, null, tokens()],
  ] as const;

  for (const [type, path, header, subprotocol] of attempts) {
    using client = await server.connect({ path, subprotocol, headers: { "X-JID": header } });
    expect([path, header, await client.next()]).toMatchObject([path, header, { type }]);
  }
});

test.concurrent("A token that came as a sub-protocol reaches the application as the header of its parameter", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([
    application.option,
    "--jwt_secret=k",
    "--jwt_param=tok",
  ]);

  using client = await server.connect({ subprotocol: `${BASE}, anycable-token.${GOOD}` });
  expect(await client.next()).toMatchObject({ type: "welcome" });
  client.send({ command: "subscribe", identifier: channel("Chat") });
  await client.next();

  expect(application.calls.map(({ name }) => name)).toEqual(["command"]);
  const [command] = application.named("command");
  expect(command?.request).toMatchObject({
    connection_identifiers: "me",
    env: { headers: { REMOTE_ADDR: "127.0.0.1", "x-tok": GOOD } },
  });
});

// Asked for such a name the runtime throws: every handshake was a 500, and took its place with it.
test.concurrent("Header names no request can have do not keep clients out", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([
    application.option,
    "--headers=cookie, x-foo,,x foo",
    "--max-conn=1",
  ]);

  using client = await server.connect({ headers: { Cookie: "a=1", "X-Foo": "f" } });
  await client.next();

  const [call] = application.named("connect");
  expect(call?.request.env.headers).toEqual({ cookie: "a=1", REMOTE_ADDR: "127.0.0.1" });
  expect(server.log).toContain('No request has a header named " x-foo"');
});

test.concurrent("The first of repeated headers names the session and brings the token", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k", "--enforce_jwt"]);
  using exchange = new RawExchange(server).write(
    handshakeText(server).replace(
      "Upgrade: websocket",
      `X-JID: ${GOOD}\r\nX-Request-ID: a\r\nX-Request-ID: b\r\nX-JID: ${BAD}\r\nUpgrade: websocket`,
    ),
  );

  await exchange.received('{"type":"welcome","sid":"a"}');
});
