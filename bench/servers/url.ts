import type { Target } from "../load/scenario.ts";
import type { Subject } from "./subject.ts";

/**
 * A server somebody else started. It takes the rows without a backend; those that need a fresh process (start
 * time, memory) or flags of their own (broker, broadcasters) are left out.
 */
export function urlSubject(name: string, target: Target): Subject {
  return {
    name,
    async start(mode, needsFreshStart) {
      if (mode.kind !== "public" || mode.flags !== undefined || needsFreshStart) return null;
      return { target, startMs: Number.NaN, stop: async () => {} };
    },
  };
}
