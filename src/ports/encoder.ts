import type { Decoded } from "../messages/command.ts";
import type { Frame } from "../messages/frame.ts";
import type { Reply } from "../messages/reply.ts";

/** What bytes say in one protocol. Stateless, shared by all sessions; never throws for what a client sent. */
export interface Encoder {
  /** Names the encoding: equal ids mean equal frames. */
  readonly id: string;
  encode(reply: Reply): Frame;
  /** A message of the application, JSON text, that goes out as it is where the encoding allows. */
  encodeRaw(text: string): Frame;
  decode(data: string | Uint8Array): Decoded;
}
