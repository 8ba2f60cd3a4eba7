import type { Client } from "../messages/client.ts";
import { type JsonObject, parseJsonObject } from "../messages/json.ts";
import {
  type CommandResult,
  type ConnectResult,
  NO_EFFECTS,
  type StateChange,
} from "../messages/result.ts";
import type { Controller } from "../ports/controller.ts";
import type { Log } from "../ports/log.ts";
import { refuse, type StreamChannel, type StreamGrant } from "./streams/channel.ts";

/** Which channels do not go to the application. */
export interface RouterOptions {
  /** By the `channel` member of identifiers. */
  readonly channels: ReadonlyMap<string, StreamChannel>;
  /** Names that nodes use among themselves: no client may listen to them. */
  readonly isReserved: (stream: string) => boolean;
}

/**
 * Answers subscriptions to the channels it knows, yes or no, without the application; everything else, messages on
 * these channels included, goes to the wrapped controller.
 *
 *     {"channel":"$pubsub","stream_name":"chat/42"}
 *
 * Source: spec "auth-streams", sections 3 and 5.
 */
export class RouterController implements Controller {
  private readonly channels: ReadonlyMap<string, StreamChannel>;
  private readonly isReserved: (stream: string) => boolean;
  private readonly next: Controller;
  private readonly log: Log;

  constructor(options: RouterOptions, deps: { readonly next: Controller; readonly log: Log }) {
    this.channels = options.channels;
    this.isReserved = options.isReserved;
    this.next = deps.next;
    this.log = deps.log.with({ context: "streams" });
  }

  authenticate(client: Client, signal: AbortSignal): Promise<ConnectResult> {
    return this.next.authenticate(client, signal);
  }

  subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    const grant = this.decide(identifier);
    if (grant === null) return this.next.subscribe(client, identifier, signal);
    if (grant.ok) return Promise.resolve(confirmed(identifier, grant));
    if (this.log.isDebug) {
      this.log.debug("subscription failed", { sid: client.sid, identifier, error: grant.error });
    }
    return Promise.resolve(rejected(identifier));
  }

  unsubscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    const channel = this.find(parseJsonObject(identifier));
    if (channel === undefined) return this.next.unsubscribe(client, identifier, signal);
    return Promise.resolve(UNSUBSCRIBED);
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

  /** @returns null when the application decides */
  private decide(identifier: string): StreamGrant | null {
    const members = parseJsonObject(identifier);
    const channel = this.find(members);
    if (members === null || channel === undefined) return null;
    const grant = channel(members);
    return grant.ok && this.isReserved(grant.stream) ? refuse("stream is reserved") : grant;
  }

  private find(members: JsonObject | null): StreamChannel | undefined {
    const name = members?.["channel"];
    return typeof name === "string" ? this.channels.get(name) : undefined;
  }
}

const UNSUBSCRIBED: CommandResult = {
  status: "success",
  effects: { ...NO_EFFECTS, stopStreams: true },
};

function confirmed(
  identifier: string,
  grant: { readonly stream: string; readonly istate: StateChange | null },
): CommandResult {
  const effects = {
    ...NO_EFFECTS,
    transmissions: [{ type: "confirm_subscription", identifier } as const],
    streams: [grant.stream],
    istate: grant.istate,
  };
  return { status: "success", effects };
}

function rejected(identifier: string): CommandResult {
  const transmissions = [{ type: "reject_subscription", identifier } as const];
  return { status: "failure", effects: { ...NO_EFFECTS, transmissions } };
}
