import type { Row } from "../row.ts";
import { onRpcServer } from "./on-server.ts";

const CLIENTS = 4_000;

/** Connect and subscribe with a gRPC call each, 200 clients on the way at a time, after four passes of warm-up. */
export const grpcConnectRow: Row = {
  name: "grpc connect",
  clients: CLIENTS,
  figures: [
    {
      key: "clientsPerCpuSecond",
      label: "gRPC connect and subscribe, clients per CPU-s",
      unit: "",
      per: 1,
      budget: { atLeast: 8_000 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onRpcServer(subject, "grpc", {
      kind: "connect",
      clients: CLIENTS,
      inFlight: 200,
      rounds: 3,
      warmupRounds: 4,
      settleMs: 0,
    }),
  floor: null,
};
