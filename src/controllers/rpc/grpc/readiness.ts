import { ServerError } from "../../../messages/server-error.ts";
import type { Log } from "../../../ports/log.ts";
import type { ChannelState } from "./channel.ts";

export interface ReadinessDeps {
  readonly channel: {
    readonly state: ChannelState;
    readonly lastError: string;
    resetBackoff(): void;
  };
  readonly log: Log;
}

/** Keeps calls from a channel that is known to be down. Source: spec "rpc", section 6.2. */
export class Readiness {
  private readonly deps: ReadinessDeps;
  private isLost = false;

  constructor(deps: ReadinessDeps) {
    this.deps = deps;
  }

  /** @returns why an attempt is pointless now; null to go on, also the first time the connection is found lost */
  refusal(): ServerError | null {
    const { channel, log } = this.deps;
    switch (channel.state) {
      case "shutdown":
        return new ServerError("rpc_closed", "grpc connection is closed");
      case "transient_failure":
        if (this.isLost) return new ServerError("rpc_not_ready", "grpc connection is not ready");
        this.isLost = true;
        log.warn("connection is lost, trying to reconnect immediately", {
          error: channel.lastError,
        });
        channel.resetBackoff();
        return null;
      case "idle":
      case "connecting":
      case "ready":
        if (this.isLost) log.info("connection is restored");
        this.isLost = false;
        return null;
    }
  }
}
