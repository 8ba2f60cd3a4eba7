import type { Client } from "../messages/client.ts";
import { type CommandResult, type ConnectResult, NO_EFFECTS } from "../messages/result.ts";
import type { Controller } from "../ports/controller.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";

/** Nobody decides: everybody is refused, who was let in by other means may not subscribe. Source: spec "rpc", section 12. */
export class NullController implements Controller {
  private readonly log: Log;

  constructor(deps: { readonly log: Log }) {
    this.log = deps.log.with({ context: "rpc", impl: "null" });
  }

  async authenticate(client: Client): Promise<ConnectResult> {
    if (this.log.isDebug) this.log.debug("reject connection", { sid: client.sid });
    return {
      status: "failure",
      transmissions: [{ type: "disconnect", reason: "unauthorized", reconnect: false }],
      cstate: null,
    };
  }

  async subscribe(client: Client, identifier: string): Promise<CommandResult> {
    if (this.log.isDebug) this.log.debug("reject subscription", { sid: client.sid, identifier });
    const rejection = { type: "reject_subscription", identifier } as const;
    return { status: "failure", effects: { ...NO_EFFECTS, transmissions: [rejection] } };
  }

  async unsubscribe(): Promise<CommandResult> {
    return NOT_IMPLEMENTED;
  }

  async perform(): Promise<CommandResult> {
    return NOT_IMPLEMENTED;
  }

  async disconnect(): Promise<void> {
    // there is nobody to tell
  }
}

const NOT_IMPLEMENTED = { status: "error", error: "not implemented" } as const;

/** A controller for a server without application, and the service that says so in the log. */
export function createNullController(deps: {
  readonly log: Log;
}): Service & { readonly controller: Controller } {
  return {
    name: "rpc",
    controller: new NullController(deps),
    start: async () => deps.log.with({ context: "rpc", impl: "null" }).info("no RPC configured"),
    stop: async () => undefined,
  };
}
