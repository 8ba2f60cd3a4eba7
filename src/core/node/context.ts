import type { Broker } from "../../ports/broker.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Log } from "../../ports/log.ts";
import type { PresenceStore } from "../../ports/presence-store.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { Hub } from "../hub/hub.ts";
import type { Commits } from "./commits.ts";
import type { DisconnectQueue } from "./disconnect-queue.ts";
import type { NodeMetrics } from "./node-metrics.ts";
import type { NodeOptions } from "./options.ts";
import type { Replays } from "./replays.ts";
import type { Sessions } from "./sessions.ts";

/** What the commands work with. */
export interface NodeContext {
  readonly options: NodeOptions;
  readonly hub: Hub;
  readonly sessions: Sessions;
  readonly replays: Replays;
  readonly controller: Controller;
  readonly broker: Broker;
  /** Null when sessions are not remembered at all. */
  readonly sessionStore: SessionStore | null;
  readonly commits: Commits;
  readonly presence: PresenceStore;
  readonly disconnects: DisconnectQueue;
  readonly metrics: NodeMetrics;
  readonly clock: Clock;
  readonly log: Log;
}
