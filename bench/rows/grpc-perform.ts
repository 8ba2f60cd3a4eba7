import { runBareCalls } from "../bench.ts";
import type { Row } from "../row.ts";
import { onRpcServer } from "./on-server.ts";

const CLIENTS = 200;

/** Client to backend and back over gRPC, one call per client under way; the floor is bare `node:http2` calls. */
export const grpcPerformRow: Row = {
  name: "grpc perform",
  clients: CLIENTS,
  figures: [
    {
      key: "callsPerCpuSecond",
      label: "gRPC perform round trips per CPU-s (floor: bare calls)",
      unit: "",
      per: 1,
      budget: { atLeast: 25_000 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onRpcServer(subject, "grpc", {
      kind: "perform",
      clients: CLIENTS,
      callsPerClient: 300,
      warmupCallsPerClient: 250,
    }),
  floor: () => runBareCalls("grpc", 60_000),
};
