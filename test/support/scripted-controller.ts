import type { Client } from "../../src/messages/client.ts";
import {
  type CommandEffects,
  type CommandResult,
  type ConnectResult,
  NO_EFFECTS,
} from "../../src/messages/result.ts";
import type { Controller } from "../../src/ports/controller.ts";

/** One call of the application, as far as it can be compared. */
export interface Call {
  readonly method: keyof Controller;
  readonly sid: string;
  readonly identifier?: string;
  readonly data?: string;
  readonly subscriptions?: readonly string[];
  readonly cstate?: Readonly<Record<string, string>>;
}

type Answer<Result> = (
  client: Client,
  identifier: string,
  signal: AbortSignal,
) => Result | Promise<Result>;

/** An application that answers as its members say, and keeps what it was asked. Lets everybody in unless told otherwise. */
export class ScriptedController implements Controller {
  readonly calls: Call[] = [];
  onAuthenticate: Answer<ConnectResult> = (client) => letIn(client);
  onSubscribe: Answer<CommandResult> = (_client, identifier) => confirming(identifier);
  onUnsubscribe: Answer<CommandResult> = () => succeeding({ stopStreams: true });
  onPerform: Answer<CommandResult> = () => succeeding({});
  onDisconnect: () => void | Promise<void> = () => undefined;

  async authenticate(client: Client, signal: AbortSignal): Promise<ConnectResult> {
    this.calls.push({ method: "authenticate", sid: client.sid });
    return await this.onAuthenticate(client, "", signal);
  }

  async subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    this.calls.push({ method: "subscribe", sid: client.sid, identifier });
    return await this.onSubscribe(client, identifier, signal);
  }

  async unsubscribe(
    client: Client,
    identifier: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    this.calls.push({ method: "unsubscribe", sid: client.sid, identifier });
    return await this.onUnsubscribe(client, identifier, signal);
  }

  async perform(
    client: Client,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    this.calls.push({ method: "perform", sid: client.sid, identifier, data });
    return await this.onPerform(client, identifier, signal);
  }

  async disconnect(client: Client, subscriptions: readonly string[]): Promise<void> {
    const cstate = Object.fromEntries(client.cstate);
    this.calls.push({ method: "disconnect", sid: client.sid, subscriptions, cstate });
    await this.onDisconnect();
  }

  /** Calls of one kind, in order. */
  called(method: keyof Controller): readonly Call[] {
    return this.calls.filter((call) => call.method === method);
  }
}

/** Success with a welcome; the client's identifiers are `user:<sid>`. */
export function letIn(
  client: Client,
  more: Partial<Extract<ConnectResult, { status: "success" }>> = {},
): ConnectResult {
  return {
    status: "success",
    identifiers: `user:${client.sid}`,
    transmissions: [{ type: "welcome", sid: client.sid, restoredIds: null }],
    cstate: null,
    interest: true,
    ...more,
  };
}

/** Success with these effects and no others. */
export function succeeding(effects: Partial<CommandEffects>): CommandResult {
  return { status: "success", effects: { ...NO_EFFECTS, ...effects } };
}

/** A confirmed subscription. */
export function confirming(
  identifier: string,
  effects: Partial<CommandEffects> = {},
): CommandResult {
  const transmissions = [{ type: "confirm_subscription", identifier } as const];
  return succeeding({ transmissions, interest: true, ...effects });
}

/** A rejected subscription. */
export function rejecting(
  identifier: string,
  effects: Partial<CommandEffects> = {},
): CommandResult {
  const transmissions = [{ type: "reject_subscription", identifier } as const];
  return {
    status: "failure",
    effects: { ...NO_EFFECTS, transmissions, interest: true, ...effects },
  };
}
