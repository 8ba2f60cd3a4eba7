import type { Client } from "../../src/messages/client.ts";
import { type CommandResult, type ConnectResult, NO_EFFECTS } from "../../src/messages/result.ts";
import type { Controller } from "../../src/ports/controller.ts";

/** What the application answers to every client: let in as `me`. */
export const LET_IN_BY_APPLICATION: ConnectResult = {
  status: "success",
  identifiers: "me",
  transmissions: ['{"type":"welcome"}'],
  cstate: null,
  interest: true,
};

/** What the application answers to every command. */
export const DONE_BY_APPLICATION: CommandResult = {
  status: "success",
  effects: { ...NO_EFFECTS, streams: ["room"], interest: true },
};

/** The application: says yes to everything and keeps what it was asked, with the client's sid. */
export class RecordingController implements Controller {
  readonly calls: (readonly string[])[] = [];

  async authenticate(client: Client): Promise<ConnectResult> {
    this.calls.push(["authenticate", client.sid]);
    return LET_IN_BY_APPLICATION;
  }

  async subscribe(client: Client, identifier: string): Promise<CommandResult> {
    this.calls.push(["subscribe", client.sid, identifier]);
    return DONE_BY_APPLICATION;
  }

  async unsubscribe(client: Client, identifier: string): Promise<CommandResult> {
    this.calls.push(["unsubscribe", client.sid, identifier]);
    return DONE_BY_APPLICATION;
  }

  async perform(client: Client, identifier: string, data: string): Promise<CommandResult> {
    this.calls.push(["perform", client.sid, identifier, data]);
    return DONE_BY_APPLICATION;
  }

  async disconnect(client: Client, subscriptions: readonly string[]): Promise<void> {
    this.calls.push(["disconnect", client.sid, ...subscriptions]);
  }
}
