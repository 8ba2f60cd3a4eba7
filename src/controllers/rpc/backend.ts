import type {
  CommandMessage,
  CommandResponse,
  ConnectionRequest,
  ConnectionResponse,
  DisconnectRequest,
  DisconnectResponse,
} from "../../../protos/gen/rpc_pb.js";
import type { ServerError } from "../../messages/server-error.ts";

/** The circumstances of one attempt. */
export interface Attempt {
  readonly sid: string;
  /** Time the attempt may take; 0 for no limit. */
  readonly timeoutMs: number;
  /** Aborted when nobody waits for the answer any more; null when that cannot happen. */
  readonly signal: AbortSignal | null;
}

/**
 * The application, one attempt at a time: gRPC or HTTP. Calls overlap. What an attempt rejects with is read
 * by `failureOf`, not wrapped on the way: that would cost another promise per call.
 */
export interface Backend {
  connect(request: ConnectionRequest, attempt: Attempt): Promise<ConnectionResponse>;
  command(request: CommandMessage, attempt: Attempt): Promise<CommandResponse>;
  disconnect(request: DisconnectRequest, attempt: Attempt): Promise<DisconnectResponse>;
  /** What an attempt rejected with: `rpc_unavailable` and so on, see `failure.ts`. */
  failureOf(error: unknown): ServerError;
  /** Asked before every attempt. @returns why it is pointless, null to go on */
  refusal(): ServerError | null;
  /** Connections that are open now; null where they are not counted. */
  connections(): number | null;
  /** Releases everything; calls that still run fail. */
  close(): void;
}
