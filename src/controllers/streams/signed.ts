import { grantPlain, refuse, type StreamChannel, textMember } from "./channel.ts";
import { verifyStreamName } from "./verifier.ts";

/** Which member of the identifier carries the signed name, and the key it is signed with. */
export interface SignedChannelOptions {
  readonly member: string;
  /** Empty: everything is refused. */
  readonly secret: string;
}

/**
 * Channels of frameworks whose stream name is always signed; no whisper, no presence.
 *
 *     {"channel":"Turbo::StreamsChannel","signed_stream_name":"ImNo…--f9ee…"}
 *     {"channel":"CableReady::Stream","identifier":"ImNo…--f9ee…"}
 *
 * Source: spec "auth-streams", section 6.
 */
export function createSignedChannel(options: SignedChannelOptions): StreamChannel {
  return (identifier) => {
    const signed = textMember(identifier, options.member);
    if (signed === null) return refuse("invalid identifier");
    const stream = verifyStreamName(signed, options.secret);
    if (stream === null || stream === "") return refuse("invalid signed stream name");
    return grantPlain(stream);
  };
}
