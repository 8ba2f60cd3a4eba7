import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 10_000;

/** Growth of a fresh server's resident memory by idle clients, each confirmed on a public stream of its own. */
export const clientMemoryRow: Row = {
  name: "client memory",
  clients: CLIENTS,
  figures: [
    {
      key: "bytesPerClient",
      label: "memory per idle client (10 000 clients)",
      unit: "KB",
      per: 1e3,
      budget: { atMost: 6e3 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onPublicServer(
      subject,
      {
        kind: "connect",
        clients: CLIENTS,
        inFlight: 200,
        rounds: 1,
        warmupRounds: 0,
        settleMs: 3_000,
      },
      { needsFreshStart: true },
    ),
};
