import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 1_000;

/** A batch of 100 messages in one request to every client, the next when the last client has all of them. */
export const batchRow: Row = {
  name: "batch",
  clients: CLIENTS,
  figures: [
    {
      key: "deliveriesPerCpuSecond",
      label: "batch of 100 to 1 000, deliveries per CPU-s",
      unit: "M",
      per: 1e6,
      budget: { atLeast: 3e6 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onPublicServer(subject, {
      kind: "fanout",
      clients: CLIENTS,
      rounds: 60,
      batch: 100,
      warmupRounds: 10,
    }),
};
