import type { Publication } from "../messages/publication.ts";

/** True for what has no place in a history: no gap can be seen by it. A transient one may carry a position that the application made up. */
export function isOutsideHistory({ offset, meta }: Publication): boolean {
  return offset === 0 || meta?.transient === true;
}
