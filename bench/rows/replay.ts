import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 5_000;
const MISSED = 100;

/** One more than is missed must be kept: a position counts as long as its own message is there. */
const FLAGS = ["--broker=memory", `--history_limit=${10 * MISSED}`];

/** Everybody loses the connection, misses 100 messages, and is back in the same moment. */
export const replayRow: Row = {
  name: "replay",
  clients: CLIENTS,
  figures: [
    {
      key: "wholeP99Ms",
      label: "5 000 return, 100 missed each, client whole, p99",
      unit: "s",
      per: 1e3,
      budget: { atMost: 1_200 },
    },
    {
      key: "lastWholeMs",
      label: "5 000 return, 100 missed each, last client whole",
      unit: "s",
      per: 1e3,
      budget: { atMost: 1_200 },
    },
    {
      key: "deliveriesPerCpuSecond",
      label: "5 000 return, 100 missed each, deliveries per CPU-s",
      unit: "M",
      per: 1e6,
      budget: { atLeast: 500_000 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onPublicServer(
      subject,
      {
        kind: "replay",
        clients: CLIENTS,
        missed: MISSED,
        rounds: 5,
        warmupRounds: 2,
        overlap: 20,
      },
      { flags: FLAGS },
    ),
  floor: null,
};
