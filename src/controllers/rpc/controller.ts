import { Status } from "../../../protos/gen/rpc_pb.js";
import type { Client } from "../../messages/client.ts";
import type { CommandResult, ConnectResult } from "../../messages/result.ts";
import { errorText, ServerError } from "../../messages/server-error.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Backend } from "./backend.ts";
import type { Calls } from "./calls.ts";
import {
  type CommandName,
  commandMessage,
  connectionRequest,
  disconnectRequest,
} from "./requests.ts";
import { applicationError, commandResult, connectResult } from "./results.ts";
import type { RpcMetrics } from "./rpc-metrics.ts";

export interface RpcControllerDeps {
  readonly backend: Backend;
  readonly calls: Calls;
  readonly metrics: RpcMetrics;
}

/** The application decides, over gRPC or HTTP. */
export class RpcController implements Controller {
  private readonly deps: RpcControllerDeps;

  constructor(deps: RpcControllerDeps) {
    this.deps = deps;
  }

  async authenticate(client: Client, signal: AbortSignal): Promise<ConnectResult> {
    const { backend, calls } = this.deps;
    const request = connectionRequest(client);
    try {
      const response = await calls.run({ sid: client.sid, signal }, true, (attempt) =>
        backend.connect(request, attempt),
      );
      return response === null ? CANCELED : connectResult(response);
    } catch (error) {
      return { status: "error", error: errorText(error) };
    }
  }

  subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.command(client, "subscribe", identifier, "", signal);
  }

  unsubscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.command(client, "unsubscribe", identifier, "", signal);
  }

  perform(
    client: Client,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    return this.command(client, "message", identifier, data, signal);
  }

  async disconnect(client: Client, subscriptions: readonly string[]): Promise<void> {
    const { backend, calls, metrics } = this.deps;
    const request = disconnectRequest(client, subscriptions);
    try {
      const response = await calls.run({ sid: client.sid, signal: null }, true, (attempt) =>
        backend.disconnect(request, attempt),
      );
      if (response?.status !== Status.ERROR) return;
      metrics.errors.add();
      throw new ServerError("rpc_application_error", applicationError(response.errorMsg));
    } catch (error) {
      throw disconnectFailure(error);
    }
  }

  private async command(
    client: Client,
    command: CommandName,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const { backend, calls } = this.deps;
    const request = commandMessage(client, command, identifier, data);
    try {
      const response = await calls.run({ sid: client.sid, signal }, false, (attempt) =>
        backend.command(request, attempt),
      );
      return response === null ? CANCELED : commandResult(command, response);
    } catch (error) {
      return { status: "error", error: errorText(error) };
    }
  }
}

function disconnectFailure(cause: unknown): ServerError {
  return new ServerError("disconnect_failed", errorText(cause), { cause });
}

const CANCELED = { status: "canceled" } as const;
