import type { Client } from "../messages/client.ts";
import type { CommandResult, ConnectResult } from "../messages/result.ts";

/**
 * Who decides: the application over RPC, a token, a signature, or nobody.
 * Never throws for what a client or the application does: that is in the result. One call at a time per client;
 * calls of different clients overlap. `signal` is aborted when the server closes the session: return `canceled`.
 */
export interface Controller {
  authenticate(client: Client, signal: AbortSignal): Promise<ConnectResult>;
  subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult>;
  unsubscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult>;
  perform(
    client: Client,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult>;
  /**
   * Tells that the client has gone; never cancelled.
   * @param subscriptions identifiers it was subscribed to
   * @throws {ServerError} `disconnect_failed` when the application could not be told
   */
  disconnect(client: Client, subscriptions: readonly string[]): Promise<void>;
}
