import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 5_000;

/** Connect, welcome, subscribe, confirm, 200 clients on the way at a time, after three passes of warm-up: compiling is not what is measured. */
export const connectRow: Row = {
  name: "connect",
  clients: CLIENTS,
  figures: [
    {
      key: "clientsPerCpuSecond",
      label: "connect to confirm, no RPC, clients per CPU-s",
      unit: "",
      per: 1,
      budget: { atLeast: 14_000 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onPublicServer(subject, {
      kind: "connect",
      clients: CLIENTS,
      inFlight: 200,
      rounds: 3,
      warmupRounds: 3,
      settleMs: 0,
    }),
};
