import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { answers, CHAT, startGrpcBackend } from "../../support/grpc-backend.ts";
import { AUTH_ERROR, expectMetrics, refusalOf, welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const PUBLIC = ["--public", "--norpc"];
const UNAVAILABLE = 14;

test.concurrent("observability#8 A frame that cannot be read is failed, and its bytes count", async () => {
  await using server = await Cableway.start(PUBLIC);
  using client = await welcomed(server);

  client.sendFrame("not json");

  await expectMetrics(server, {
    data_rcvd_total: 8,
    failed_client_msg_total: 1,
    client_msg_total: 0,
  });
});

test.concurrent("observability#9 An unknown command is a message, and failed", async () => {
  await using server = await Cableway.start(PUBLIC);
  using client = await welcomed(server);

  client.sendFrame('{"command":"foo"}');

  await expectMetrics(server, { client_msg_total: 1, failed_client_msg_total: 1 });
  await server.logged(/WRN failed to handle incoming message .*error="unknown command: foo"/);
});

test.concurrent("observability#10 A batch is one publication and so many messages", async () => {
  await using server = await Cableway.start(PUBLIC);

  await server.broadcast([1, 2, 3].map((n) => ({ stream: "a", data: `${n}` })));

  await expectMetrics(server, { publications_total: 1, broadcast_msg_total: 3 });
});

test.concurrent("observability#11 A disconnect command is a publication, a command and a message; an unknown one no message", async () => {
  await using server = await Cableway.start(PUBLIC);

  await server.disconnect("nobody");
  await expectMetrics(server, {
    publications_total: 1,
    remote_commands_total: 1,
    broadcast_msg_total: 1,
  });

  await server.broadcast({ command: "other", payload: {} });
  await expectMetrics(server, {
    publications_total: 2,
    remote_commands_total: 2,
    broadcast_msg_total: 1,
  });
});

test.concurrent("observability#12 A publication that cannot be read counts as failed only, and is warned of", async () => {
  await using server = await Cableway.start(PUBLIC);

  await server.fetch("/_broadcast", { method: "POST", body: "{oops" });

  await expectMetrics(server, {
    failed_broadcast_msg_total: 1,
    publications_total: 0,
    broadcast_msg_total: 0,
  });
  await server.logged(/WRN failed to parse pubsub message .*data=\{oops error=/);
});

test.concurrent("observability#13 Pings are bytes and no messages", async () => {
  await using server = await Cableway.start([...PUBLIC, "--ping_interval=1"]);
  using client = await server.connect({ path: "/cable?ptp=s" });
  const welcome = await client.nextText();

  const pings = [await client.nextPing(), await client.nextPing()];

  await expectMetrics(server, {
    server_msg_total: 1,
    data_sent_total: [welcome, ...pings].join("").length,
  });
});

test.concurrent("What a session sends and gets is counted in messages and in bytes of UTF-8", async () => {
  await using server = await Cableway.start([...PUBLIC, "--ping_interval=60"]);
  using client = await server.connect({ headers: { "X-Request-ID": "abc" } });
  let received = await client.nextText();
  expect(received).toBe('{"type":"welcome","sid":"abc"}');
  const subscribe = JSON.stringify({ command: "subscribe", identifier: pubsub("я") });

  client.sendFrame(subscribe);
  received += await client.nextText();
  await server.publish("я", { text: "ю" });
  received += await client.nextText();

  await expectMetrics(server, {
    client_msg_total: 1,
    server_msg_total: 3,
    broadcast_msg_total: 1,
    publications_total: 1,
    data_rcvd_total: Buffer.byteLength(subscribe),
    data_sent_total: Buffer.byteLength(received),
  });
});

test.concurrent("observability#14 A client refused by the application is a failed authentication, one in error is none", async () => {
  await using refusing = await Application.start({ connect: () => ({ status: 2 }) });
  await using broken = await Application.start({
    connect: () => ({ status: 0, error_msg: "oops" }),
  });
  await using first = await Cableway.start([refusing.option]);
  await using second = await Cableway.start([broken.option]);

  await refusalOf(first);
  expect(await refusalOf(second)).toEqual({ texts: [], close: AUTH_ERROR });

  await expectMetrics(first, { failed_auths_total: 1, rpc_call_total: 1, rpc_error_total: 0 });
  await expectMetrics(second, { failed_auths_total: 0, rpc_call_total: 1, rpc_error_total: 0 });
});

test("observability#15 A call that succeeds at the third attempt is one call with two retries and no error", async () => {
  const backend = await startGrpcBackend();
  await backend.script({
    method: "Command",
    answers: [answers.error(UNAVAILABLE), answers.error(UNAVAILABLE), answers.command()],
  });
  await using server = await Cableway.start([`--rpc_host=${backend.host}`]);
  using client = await welcomed(server);
  await expectMetrics(server, { rpc_call_total: 1 });

  client.send({ command: "subscribe", identifier: CHAT });

  await expectMetrics(server, { rpc_call_total: 2, rpc_retries_total: 2, rpc_error_total: 0 });
  expect(backend.named("Command")).toHaveLength(3);
  await backend.stop();
});
