import type { Row } from "./row.ts";
import { batchRow } from "./rows/batch.ts";
import { clientMemoryRow } from "./rows/client-memory.ts";
import { connectRow } from "./rows/connect.ts";
import { grpcConnectRow } from "./rows/grpc-connect.ts";
import { grpcPerformRow } from "./rows/grpc-perform.ts";
import { httpPerformRow } from "./rows/http-perform.ts";
import { idleMemoryRow } from "./rows/idle-memory.ts";
import { presenceRow } from "./rows/presence.ts";
import { publicationRow } from "./rows/publication.ts";
import { publishRow } from "./rows/publish.ts";
import { replayRow } from "./rows/replay.ts";
import { rushRow } from "./rows/rush.ts";
import { startRow } from "./rows/start.ts";
import { steadyRow } from "./rows/steady.ts";

/** Every workload, in the order of the table in DESIGN.md section 3; the last two have no budget. */
export const ROWS: readonly Row[] = [
  startRow,
  idleMemoryRow,
  clientMemoryRow,
  connectRow,
  rushRow,
  publicationRow,
  batchRow,
  steadyRow,
  grpcPerformRow,
  grpcConnectRow,
  httpPerformRow,
  replayRow,
  publishRow,
  presenceRow,
];
