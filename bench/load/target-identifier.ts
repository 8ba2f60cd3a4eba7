import type { Target } from "./scenario.ts";

/** How long a load waits while nothing at all happens before it calls the rest lost. */
export const STALL_MS = 10_000;

/** The identifier a client of `target` subscribes with to follow `stream`. */
export function identifierOf(target: Target, stream: string): string {
  return target.identifier.split("{stream}").join(stream);
}
