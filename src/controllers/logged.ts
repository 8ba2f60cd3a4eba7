import type { Client } from "../messages/client.ts";
import type { CommandResult, ConnectResult, Transmission } from "../messages/result.ts";
import { truncate } from "../messages/truncate.ts";
import type { Controller } from "../ports/controller.ts";
import type { Log } from "../ports/log.ts";

/**
 * Tells at debug level what the wrapped controller answered; wrap only when that is printed.
 *
 *     DBG controller subscribe context=node sid=abc response.status=success response.streams=[a] … err=<nil>
 *
 * Source: spec "rpc", section 8; spec "observability", section 6.2.
 */
export class LoggedController implements Controller {
  private readonly next: Controller;
  private readonly log: Log;

  constructor(deps: { readonly next: Controller; readonly log: Log }) {
    this.next = deps.next;
    this.log = deps.log.with({ context: "node" });
  }

  authenticate(client: Client, signal: AbortSignal): Promise<ConnectResult> {
    return this.told("authenticate", client, this.next.authenticate(client, signal));
  }

  subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.told("subscribe", client, this.next.subscribe(client, identifier, signal));
  }

  unsubscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.told("unsubscribe", client, this.next.unsubscribe(client, identifier, signal));
  }

  perform(
    client: Client,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    return this.told("perform", client, this.next.perform(client, identifier, data, signal));
  }

  disconnect(client: Client, subscriptions: readonly string[]): Promise<void> {
    return this.next.disconnect(client, subscriptions);
  }

  private async told<Result extends ConnectResult | CommandResult>(
    operation: string,
    { sid }: Client,
    answer: Promise<Result>,
  ): Promise<Result> {
    const result = await answer;
    const err = result.status === "error" ? result.error : null;
    this.log.debug(`controller ${operation}`, { sid, response: describe(result), err });
    return result;
  }
}

function describe(result: ConnectResult | CommandResult): Readonly<Record<string, unknown>> {
  const { status } = result;
  if ("effects" in result) {
    const { streams, stoppedStreams, transmissions } = result.effects;
    return {
      status,
      streams,
      stopped_streams: stoppedStreams,
      transmissions: texts(transmissions),
    };
  }
  return "transmissions" in result
    ? { status, transmissions: texts(result.transmissions) }
    : { status };
}

function texts(transmissions: readonly Transmission[]): string[] {
  return transmissions.map((one) => truncate(typeof one === "string" ? one : JSON.stringify(one)));
}
