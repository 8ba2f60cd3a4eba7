import { Meter } from "../load/meter.ts";
import { type Measurement, NO_LOSS } from "../load/scenario.ts";
import type { Row } from "../row.ts";
import type { Subject } from "../servers/subject.ts";

const SETTLE_MS = 2_000;

/** Resident memory of a server nobody has connected to; the lowest value of its first two seconds after the start. */
export const idleMemoryRow: Row = {
  name: "idle memory",
  clients: 1,
  figures: [
    {
      key: "idleBytes",
      label: "resident memory, idle, no clients",
      unit: "MB",
      per: 1e6,
      budget: { atMost: 70e6 },
    },
  ],
  passes: 1,
  measure: measureIdle,
};

async function measureIdle(subject: Subject): Promise<Measurement | null> {
  const server = await subject.start({ kind: "public" }, true);
  if (!server) return null;
  const idleBytes = await new Meter(server.target.pid).lowestResidentBytes(SETTLE_MS);
  await server.stop();
  return { figures: { idleBytes }, loss: NO_LOSS, failedClients: 0, failure: null };
}
