import { refuse, type StreamChannel } from "./channel.ts";
import { createPubSubChannel } from "./pubsub.ts";
import { createSignedChannel } from "./signed.ts";

/** Which channels are decided here. */
export interface StreamsOptions {
  /** Name of the direct channel; empty: there is none. */
  readonly pubsubChannel: string;
  /** Key of signed names on the direct channel; empty: every signed name is refused. */
  readonly secret: string;
  readonly isPublic: boolean;
  readonly canWhisper: boolean;
  readonly hasPresence: boolean;
  /** null or empty: the channel belongs to the application. */
  readonly turboSecret: string | null;
  /** null or empty: the channel belongs to the application. */
  readonly cableReadySecret: string | null;
}

/**
 * The channels that need no application, by name, for `RouterController`. `$pusher` is always among them and always
 * refused: its signatures are checked on the Pusher endpoint only.
 * Source: spec "auth-streams", section 3.
 */
export function createStreamChannels(options: StreamsOptions): ReadonlyMap<string, StreamChannel> {
  const channels = new Map<string, StreamChannel>();
  if (options.pubsubChannel !== "") {
    channels.set(options.pubsubChannel, createPubSubChannel(options));
  }
  if (options.turboSecret) {
    const turbo = { member: "signed_stream_name", secret: options.turboSecret };
    channels.set("Turbo::StreamsChannel", createSignedChannel(turbo));
  }
  if (options.cableReadySecret) {
    const cableReady = { member: "identifier", secret: options.cableReadySecret };
    channels.set("CableReady::Stream", createSignedChannel(cableReady));
  }
  channels.set("$pusher", () => refuse("this channel is for Pusher clients"));
  return channels;
}
