import { expect, test } from "bun:test";
import { RouterController } from "../../src/controllers/router.ts";
import { createStreamChannels } from "../../src/controllers/streams/channels.ts";
import { type CommandResult, NO_EFFECTS } from "../../src/messages/result.ts";
import { FakeLog } from "../support/fake-log.ts";
import { client, openSignal } from "./clients.ts";
import {
  DONE_BY_APPLICATION,
  LET_IN_BY_APPLICATION,
  RecordingController,
} from "./recording-controller.ts";

const CHAT = '{"channel":"$pubsub","stream_name":"chat/42"}';

function create(given: { isPublic?: boolean; reservedStreams?: readonly string[] } = {}) {
  const application = new RecordingController();
  const log = new FakeLog();
  const channels = createStreamChannels({
    pubsubChannel: "$pubsub",
    secret: "s3Krit",
    isPublic: given.isPublic ?? true,
    canWhisper: false,
    hasPresence: true,
    turboSecret: null,
    cableReadySecret: null,
  });
  const router = new RouterController(
    { channels, isReserved: (stream) => given.reservedStreams?.includes(stream) ?? false },
    { next: application, log },
  );
  const subscribe = (identifier: string) => router.subscribe(client(), identifier, openSignal());
  return { router, subscribe, application, log };
}

function rejected(identifier: string): CommandResult {
  return {
    status: "failure",
    effects: { ...NO_EFFECTS, transmissions: [{ type: "reject_subscription", identifier }] },
  };
}

test("RouterController confirms a stream with its channel state, without the application", async () => {
  const { subscribe, application } = create();

  expect(await subscribe(CHAT)).toEqual({
    status: "success",
    effects: {
      ...NO_EFFECTS,
      transmissions: [{ type: "confirm_subscription", identifier: CHAT }],
      streams: ["chat/42"],
      istate: new Map([
        ["$w", "chat/42"],
        ["$p", "chat/42"],
      ]),
    },
  });
  expect(application.calls).toEqual([]);
});

test("RouterController echoes the identifier as it came, whatever its spelling", async () => {
  const { subscribe } = create();
  const identifier = '{ "stream_name" : "a&b" ,\n "extra":[1], "channel":"$pubsub"}';

  expect(await subscribe(identifier)).toMatchObject({
    effects: { transmissions: [{ identifier }], streams: ["a&b"] },
  });
});

test("RouterController rejects without interest and without the application, and says why at debug", async () => {
  const { subscribe, application, log } = create({ isPublic: false });

  expect(await subscribe(CHAT)).toEqual(rejected(CHAT));
  expect(application.calls).toEqual([]);
  expect(log.records).toEqual([
    {
      level: "debug",
      message: "subscription failed",
      attributes: {
        context: "streams",
        sid: "s1",
        identifier: CHAT,
        error: "public streams are not allowed",
      },
    },
  ]);
});

test("RouterController rejects streams that nodes use among themselves", async () => {
  const { subscribe } = create({ reservedStreams: ["__anycable_internal__"] });
  const identifier = '{"channel":"$pubsub","stream_name":"__anycable_internal__"}';

  expect(await subscribe(identifier)).toEqual(rejected(identifier));
});

test("RouterController rejects $pusher", async () => {
  const { subscribe, application } = create();
  const identifier = '{"channel":"$pusher","stream":"private-x"}';

  expect(await subscribe(identifier)).toEqual(rejected(identifier));
  expect(application.calls).toEqual([]);
});

test.each([
  '{"channel":"ChatChannel","stream_name":"a"}',
  '{"channel":"Turbo::StreamsChannel","signed_stream_name":"x"}',
  '{"channel":"__proto__"}',
  '{"channel":"constructor"}',
  '{"channel":["$pubsub"]}',
  '{"channel":null}',
  '{"channel":""}',
  '{"__proto__":{"channel":"$pubsub","stream_name":"a"}}',
  '{"id":1}',
  '["$pubsub"]',
  '"$pubsub"',
  "$pubsub",
  "null",
  "",
  `${CHAT}x`,
  "[".repeat(60_000),
])("RouterController leaves the identifier %p to the application", async (identifier) => {
  const { subscribe, application } = create();

  expect(await subscribe(identifier)).toEqual(DONE_BY_APPLICATION);
  expect(application.calls).toEqual([["subscribe", "s1", identifier]]);
});

test("RouterController unsubscribes from its channels by itself, from others through the application", async () => {
  const { router, application } = create();
  const unsubscribe = (of: string) => router.unsubscribe(client(), of, openSignal());

  expect(await unsubscribe(CHAT)).toEqual({
    status: "success",
    effects: { ...NO_EFFECTS, stopStreams: true },
  });
  expect(application.calls).toEqual([]);
  expect(await unsubscribe("other")).toEqual(DONE_BY_APPLICATION);
  expect(application.calls).toEqual([["unsubscribe", "s1", "other"]]);
});

test("RouterController leaves everything but subscriptions to the application", async () => {
  const { router, application } = create();

  expect(await router.authenticate(client(), openSignal())).toEqual(LET_IN_BY_APPLICATION);
  expect(await router.perform(client(), CHAT, '{"a":1}', openSignal())).toEqual(
    DONE_BY_APPLICATION,
  );
  await router.disconnect(client(), [CHAT]);

  expect(application.calls).toEqual([
    ["authenticate", "s1"],
    ["perform", "s1", CHAT, '{"a":1}'],
    ["disconnect", "s1", CHAT],
  ]);
});
