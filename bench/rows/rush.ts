import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 5_000;

/** All clients connect in the same moment, as after a network failure; median of three rushes. */
export const rushRow: Row = {
  name: "rush",
  clients: CLIENTS,
  figures: [
    {
      key: "seconds",
      label: "5 000 clients at once, until the last is confirmed",
      unit: "s",
      per: 1,
      budget: { atMost: 0.4 },
    },
  ],
  passes: 1,
  measure: (subject) =>
    onPublicServer(subject, {
      kind: "connect",
      clients: CLIENTS,
      inFlight: CLIENTS,
      rounds: 3,
      warmupRounds: 1,
      settleMs: 0,
    }),
};
