import { percentile } from "../load/percentile.ts";
import { type Measurement, NO_LOSS } from "../load/scenario.ts";
import type { Row } from "../row.ts";
import type { Subject } from "../servers/subject.ts";

const STARTS = 7;

/** From spawning the process to its first accepted TCP connection; median of several starts. */
export const startRow: Row = {
  name: "start",
  clients: 1,
  figures: [
    {
      key: "startP50Ms",
      label: "start to first accepted connection",
      unit: "ms",
      per: 1,
      budget: { atMost: 150 },
    },
  ],
  passes: 1,
  measure: measureStarts,
};

async function measureStarts(subject: Subject): Promise<Measurement | null> {
  const startsMs: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const server = await subject.start({ kind: "public" }, true);
    if (!server) return null;
    startsMs.push(server.startMs);
    await server.stop();
  }
  const figures = { startP50Ms: percentile(startsMs, 0.5), startWorstMs: Math.max(...startsMs) };
  return { figures, loss: NO_LOSS, failedClients: 0, failure: null };
}
