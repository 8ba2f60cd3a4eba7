import { encodeNodePublication } from "../../messages/node-message.ts";
import type { Publication, PublicationMeta } from "../../messages/publication.ts";

/** Room for `,"offset":…,"epoch":"…"`, which are known only when the message has been stored. */
const POSITION_BYTES = 64;
/** JSON makes at most so many bytes of one character. */
const BYTES_PER_CHARACTER = 6;
/** For what else there is in a message, and is short. */
const SMALL_BYTES = 1024;

/**
 * Why a publication can never get from node to node, in words for the log; null when it can. Looked at before it is stored:
 * stored alone it would have a position, and clients would miss it.
 */
export function excessOf(publication: Publication, maxPayloadBytes: number): string | null {
  const { stream, data, meta } = publication;
  const characters = stream.length + data.length + lengthOf(meta);
  // Nearly all are far below the limit: they are not encoded for this.
  if (characters * BYTES_PER_CHARACTER + SMALL_BYTES < maxPayloadBytes) return null;
  const bytes = Buffer.byteLength(encodeNodePublication(publication)) + POSITION_BYTES;
  if (bytes <= maxPayloadBytes) return null;
  return `a message of ${bytes} bytes, NATS allows ${maxPayloadBytes}`;
}

function lengthOf(meta: PublicationMeta | null): number {
  return meta === null ? 0 : meta.excludeSocket.length + meta.broadcastType.length;
}
