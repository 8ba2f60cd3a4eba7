import type { Client } from "../../messages/client.ts";
import type { CommandResult, ConnectResult } from "../../messages/result.ts";
import type { Controller } from "../../ports/controller.ts";
import { welcome } from "./welcome.ts";

/**
 * Lets everybody in; the session id is all that is known of a client. Commands go to the wrapped controller.
 *
 *     {"sid":"Xk3dQ…"}
 */
export class PublicController implements Controller {
  private readonly next: Controller;

  constructor(deps: { readonly next: Controller }) {
    this.next = deps.next;
  }

  authenticate(client: Client): Promise<ConnectResult> {
    return Promise.resolve(welcome(client.sid, JSON.stringify({ sid: client.sid })));
  }

  subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.next.subscribe(client, identifier, signal);
  }

  unsubscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.next.unsubscribe(client, identifier, signal);
  }

  perform(
    client: Client,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    return this.next.perform(client, identifier, data, signal);
  }

  disconnect(client: Client, subscriptions: readonly string[]): Promise<void> {
    return this.next.disconnect(client, subscriptions);
  }
}
