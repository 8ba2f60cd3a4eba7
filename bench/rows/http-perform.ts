import { runBareCalls } from "../bench.ts";
import type { Row } from "../row.ts";
import { onRpcServer } from "./on-server.ts";

const CLIENTS = 200;

/** Client to backend and back over HTTP, one call per client under way; the floor is bare `fetch` calls. */
export const httpPerformRow: Row = {
  name: "http perform",
  clients: CLIENTS,
  figures: [
    {
      key: "callsPerCpuSecond",
      label: "HTTP RPC perform round trips per CPU-s (floor: bare calls)",
      unit: "",
      per: 1,
      budget: { atLeast: 25_000 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onRpcServer(subject, "http", {
      kind: "perform",
      clients: CLIENTS,
      callsPerClient: 300,
      warmupCallsPerClient: 250,
    }),
  floor: () => runBareCalls("http", 60_000),
};
