import { expect, test } from "bun:test";
import { createStreamChannels } from "../../../src/controllers/streams/channels.ts";
import { signStream } from "./sign.ts";

const DEFAULTS = {
  pubsubChannel: "$pubsub",
  secret: "s3Krit",
  isPublic: false,
  canWhisper: false,
  hasPresence: true,
  turboSecret: null,
  cableReadySecret: null,
} as const;

type Given = Partial<Parameters<typeof createStreamChannels>[0]>;

/** What the channel of an identifier says with these options. */
function ask(identifier: Record<string, unknown>, given: Given = {}) {
  const channels = createStreamChannels({ ...DEFAULTS, ...given });
  return channels.get(String(identifier["channel"]))?.(identifier);
}

const pubsub = (members: Record<string, unknown>) => ({ channel: "$pubsub", ...members });
const PUBLIC = { isPublic: true } as const;

test("The direct channel refuses plain names unless streams are public", () => {
  const identifier = pubsub({ stream_name: "a" });

  expect(ask(identifier)).toEqual({ ok: false, error: "public streams are not allowed" });
  expect(ask(identifier, PUBLIC)).toMatchObject({ ok: true, stream: "a" });
});

test("The direct channel gives public streams whisper and presence, whatever holds for signed ones", () => {
  const grant = ask(pubsub({ stream_name: "a" }), { ...PUBLIC, hasPresence: false });

  const both = new Map([
    ["$w", "a"],
    ["$p", "a"],
  ]);
  expect(grant).toEqual({ ok: true, stream: "a", istate: both });
});

test.each([
  [false, true, new Map([["$p", "a"]])],
  [true, false, new Map([["$w", "a"]])],
  [
    true,
    true,
    new Map([
      ["$w", "a"],
      ["$p", "a"],
    ]),
  ],
  [false, false, null],
])(
  "The direct channel gives signed streams what is allowed: whisper %p, presence %p",
  (canWhisper, hasPresence, istate) => {
    const identifier = pubsub({ signed_stream_name: signStream("s3Krit", "a") });

    expect(ask(identifier, { canWhisper, hasPresence })).toEqual({ ok: true, stream: "a", istate });
  },
);

test("The direct channel takes the signed name and does not compare it with the plain one", () => {
  const both = pubsub({ stream_name: "b", signed_stream_name: signStream("s3Krit", "a") });

  expect(ask(both)).toMatchObject({ ok: true, stream: "a" });
  expect(ask(both, PUBLIC)).toMatchObject({ ok: true, stream: "a" });
});

test("The direct channel does not fall back to the plain name when the signature is bad", () => {
  const identifier = pubsub({ stream_name: "a", signed_stream_name: "ImEi--beef" });

  expect(ask(identifier, PUBLIC)).toEqual({ ok: false, error: "invalid signed stream name" });
});

test.each([
  [{ stream_name: 5 }],
  [{ stream_name: ["a"] }],
  [{ stream_name: "a", signed_stream_name: false }],
  [{ stream_name: {}, signed_stream_name: signStream("s3Krit", "a") }],
])("The direct channel refuses %j: a name that is no text", (members) => {
  expect(ask(pubsub(members), PUBLIC)).toEqual({ ok: false, error: "invalid identifier" });
});

test.each([[{}], [{ stream_name: "" }], [{ stream_name: null, signed_stream_name: null }]])(
  "The direct channel refuses %j: no name at all",
  (members) => {
    expect(ask(pubsub(members), PUBLIC)).toEqual({ ok: false, error: "stream name is missing" });
  },
);

test("The direct channel takes an empty name for absent and refuses it when signed", () => {
  expect(ask(pubsub({ stream_name: "a", signed_stream_name: "" }), PUBLIC)?.ok).toBe(true);
  expect(ask(pubsub({ signed_stream_name: signStream("s3Krit", "") }))?.ok).toBe(false);
});

test("The direct channel without a secret refuses names signed with the empty one", () => {
  const identifier = pubsub({ signed_stream_name: signStream("", "a") });

  expect(ask(identifier, { secret: "", ...PUBLIC })?.ok).toBe(false);
});

test("The direct channel can have another name, or none", () => {
  const live = { channel: "Live", stream_name: "a" };

  expect(ask(live, { pubsubChannel: "Live", ...PUBLIC })?.ok).toBe(true);
  expect(ask(pubsub({ stream_name: "a" }), { pubsubChannel: "Live", ...PUBLIC })).toBeUndefined();
  expect(createStreamChannels({ ...DEFAULTS, pubsubChannel: "" }).has("")).toBe(false);
});

test("Channels of Turbo and CableReady belong to the application until they have a key", () => {
  const without = createStreamChannels({ ...DEFAULTS, turboSecret: "", cableReadySecret: null });
  const having = createStreamChannels({ ...DEFAULTS, turboSecret: "t", cableReadySecret: "c" });

  expect([...without.keys()]).toEqual(["$pubsub", "$pusher"]);
  expect([...having.keys()]).toEqual([
    "$pubsub",
    "Turbo::StreamsChannel",
    "CableReady::Stream",
    "$pusher",
  ]);
});

test("Channel of Turbo takes names signed with its own key, without whisper and presence", () => {
  const turbo = (signed: string) => ({
    channel: "Turbo::StreamsChannel",
    signed_stream_name: signed,
    "data-x": "ignored",
  });
  const given = { turboSecret: "t", ...PUBLIC, canWhisper: true };

  expect(ask(turbo(signStream("t", "a")), given)).toEqual({ ok: true, stream: "a", istate: null });
  expect(ask(turbo(signStream("s3Krit", "a")), given)?.ok).toBe(false);
  expect(ask({ channel: "Turbo::StreamsChannel", stream_name: "a" }, given)?.ok).toBe(false);
  expect(ask({ channel: "Turbo::StreamsChannel", signed_stream_name: 1 }, given)?.ok).toBe(false);
});

test("Channel of CableReady reads `identifier` and nothing else", () => {
  const given = { cableReadySecret: "c" };
  const signed = signStream("c", "a");

  expect(ask({ channel: "CableReady::Stream", identifier: signed }, given)).toEqual({
    ok: true,
    stream: "a",
    istate: null,
  });
  expect(ask({ channel: "CableReady::Stream", signed_stream_name: signed }, given)?.ok).toBe(false);
});

test("Channel $pusher refuses everybody: signatures are checked on the Pusher endpoint only", () => {
  expect(ask({ channel: "$pusher", stream: "private-x" }, PUBLIC)?.ok).toBe(false);
});
