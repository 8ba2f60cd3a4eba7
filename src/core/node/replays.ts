import type { Frame } from "../../messages/frame.ts";
import type { Publication } from "../../messages/publication.ts";
import type { Encoder } from "../../ports/encoder.ts";
import { embedData } from "../hub/embed.ts";
import { encodePublication } from "../hub/hub.ts";
import { groupKey } from "../hub/stream-groups.ts";

/**
 * Frames of stored publications, encoded once per identifier for all who ask for them: after a mass drop thousands
 * of clients do. Lives as long as the publication object itself, so the bound is the broker's history.
 */
export class Replays {
  private readonly frames = new WeakMap<Publication, { key: string; frame: Frame }>();

  frame(encoder: Encoder, identifier: string, publication: Publication): Frame {
    const key = groupKey(encoder, identifier);
    const known = this.frames.get(publication);
    if (known?.key === key) return known.frame;
    const plain = publication.meta === null ? publication : { ...publication, meta: null };
    const frame = encodePublication(encoder, identifier, plain, embedData(publication.data));
    this.frames.set(publication, { key, frame });
    return frame;
  }
}
