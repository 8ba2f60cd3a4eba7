import type { Row } from "../row.ts";
import { onPublicServer } from "./on-server.ts";

const CLIENTS = 2_000;

/** 40 publications a second to every client, latency of every single delivery. */
export const steadyRow: Row = {
  name: "steady",
  clients: CLIENTS,
  figures: [
    {
      key: "deliveryP50Ms",
      label: "40 publications/s to 2 000, delivery p50",
      unit: "ms",
      per: 1,
      budget: { atMostFloor: 1.2 },
    },
    {
      key: "deliveryP99Ms",
      label: "40 publications/s to 2 000, delivery p99",
      unit: "ms",
      per: 1,
      budget: { atMostFloor: 1 },
    },
  ],
  passes: 3,
  measure: (subject) =>
    onPublicServer(subject, {
      kind: "steady",
      clients: CLIENTS,
      perSecond: 40,
      seconds: 5,
      warmupSeconds: 1,
    }),
};
