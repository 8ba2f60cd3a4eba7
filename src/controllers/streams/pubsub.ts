import { PRESENCE_STREAM, WHISPER_STREAM } from "../../messages/client.ts";
import { refuse, type StreamChannel, type StreamGrant, textMember } from "./channel.ts";
import { verifyStreamName } from "./verifier.ts";

/** What the direct channel lets clients do. */
export interface PubSubChannelOptions {
  /** Key of signed names; empty: every signed name is refused. */
  readonly secret: string;
  /** Unsigned names are allowed, whisper and presence with them. */
  readonly isPublic: boolean;
  /** Whisper on signed names. */
  readonly canWhisper: boolean;
  /** Presence on signed names. */
  readonly hasPresence: boolean;
}

/**
 * The channel that names its stream. A signed name decides alone: when it is bad, the plain one does not help.
 *
 *     {"channel":"$pubsub","stream_name":"chat/42"}
 *     {"channel":"$pubsub","signed_stream_name":"ImNo…--f9ee…"}
 *
 * Source: spec "auth-streams", section 5.
 */
export function createPubSubChannel(options: PubSubChannelOptions): StreamChannel {
  return (identifier) => {
    const plain = textMember(identifier, "stream_name");
    const signed = textMember(identifier, "signed_stream_name");
    if (plain === null || signed === null) return refuse("invalid identifier");
    if (signed !== "") return signedStream(signed, options);
    if (plain === "") return refuse("stream name is missing");
    if (!options.isPublic) return refuse("public streams are not allowed");
    return grant(plain, true, true);
  };
}

function signedStream(signed: string, options: PubSubChannelOptions): StreamGrant {
  const stream = verifyStreamName(signed, options.secret);
  if (stream === null || stream === "") return refuse("invalid signed stream name");
  return grant(stream, options.canWhisper, options.hasPresence);
}

function grant(stream: string, canWhisper: boolean, hasPresence: boolean): StreamGrant {
  if (!canWhisper && !hasPresence) return { ok: true, stream, istate: null };
  const istate = new Map<string, string>();
  if (canWhisper) istate.set(WHISPER_STREAM, stream);
  if (hasPresence) istate.set(PRESENCE_STREAM, stream);
  return { ok: true, stream, istate };
}
