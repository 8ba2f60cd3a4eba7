import type { Encoder } from "../../ports/encoder.ts";
import type { Subscriber } from "../../ports/subscriber.ts";

/** The subscribers of one stream that get the very same frame: one identifier, one encoding. */
export interface Group {
  readonly identifier: string;
  readonly encoder: Encoder;
  readonly subscribers: Set<Subscriber>;
}

/** The groups of one stream, by encoding and identifier. */
export type Groups = Map<string, Group>;

/** Encoder ids hold no blank, so the key says both parts without doubt. */
export function groupKey(encoder: Encoder, identifier: string): string {
  return `${encoder.id} ${identifier}`;
}
