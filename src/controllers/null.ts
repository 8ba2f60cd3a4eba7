import type { Client } from "../messages/client.ts";
import { type CommandResult, type ConnectResult, NO_EFFECTS } from "../messages/result.ts";
import type { Controller } from "../ports/controller.ts";
import type { Log } from "../ports/log.ts";

const NOT_IMPLEMENTED: CommandResult = { status: "error", error: "not implemented" };

/**
 * No application: nobody is let in, no channel exists. Who gets in, and which streams there are, is up to the
 * controllers wrapped around this one. Source: spec "rpc", section 12.
 */
export class NullController implements Controller {
  private readonly log: Log;

  constructor(deps: { readonly log: Log }) {
    this.log = deps.log.with({ context: "rpc", impl: "null" });
  }

  async authenticate(client: Client): Promise<ConnectResult> {
    this.log.debug("reject connection", { sid: client.sid });
    return {
      status: "failure",
      transmissions: [{ type: "disconnect", reason: "unauthorized", reconnect: false }],
      cstate: null,
    };
  }

  async subscribe(client: Client, identifier: string): Promise<CommandResult> {
    this.log.debug("reject subscription", { sid: client.sid, identifier });
    const transmissions = [{ type: "reject_subscription", identifier }] as const;
    return { status: "failure", effects: { ...NO_EFFECTS, transmissions } };
  }

  async unsubscribe(): Promise<CommandResult> {
    return NOT_IMPLEMENTED;
  }

  async perform(): Promise<CommandResult> {
    return NOT_IMPLEMENTED;
  }

  async disconnect(): Promise<void> {
    // Nobody to tell.
  }
}
