import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 5_000;

/** One publication to every client, the next when the last client has it. */
export const publicationRow: Row = {
  name: "publication",
  clients: CLIENTS,
  figures: [
    {
      key: "deliveriesPerCpuSecond",
      label: "publication to 5 000, deliveries per CPU-s",
      unit: "",
      per: 1,
      budget: { atLeast: 120_000 },
    },
    {
      key: "lastClientP50Ms",
      label: "publication to 5 000, last client, p50",
      unit: "ms",
      per: 1,
      budget: { atMostFloor: 1.2 },
    },
    {
      key: "lastClientP95Ms",
      label: "publication to 5 000, last client, p95",
      unit: "ms",
      per: 1,
      budget: { atMostFloor: 1.2 },
    },
  ],
  passes: 3,
  measure: (subject) =>
    onPublicServer(subject, {
      kind: "fanout",
      clients: CLIENTS,
      rounds: 100,
      batch: 1,
      warmupRounds: 10,
    }),
};
