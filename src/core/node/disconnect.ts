import { CLOSES } from "../../messages/close.ts";
import { parseRemoteDisconnect, type RemoteCommand } from "../../messages/remote-command.ts";
import type { NodeContext } from "./context.ts";
import { forget, revoke } from "./remember.ts";

/** Executes a command that came for every node. Unknown ones are counted and otherwise ignored. */
export function executeRemote(context: NodeContext, remote: RemoteCommand): void {
  context.metrics.remoteCommands.add();
  if (remote.command !== "disconnect") return;
  context.metrics.broadcasts.add();
  const disconnect = parseRemoteDisconnect(remote.payload);
  if (disconnect === null) {
    context.log.warn("failed to parse remote disconnect command", {
      error: "payload must be {identifier: string, reconnect?: boolean}",
    });
    return;
  }
  const sessions = context.sessions.withIdentifiers(disconnect.identifier);
  if (sessions.length === 0) {
    context.log.debug("cannot disconnect session", {
      identifier: disconnect.identifier,
      reason: "not found",
    });
  }
  for (const session of sessions) {
    session.disconnect("remote", disconnect.reconnect, CLOSES.remote);
    if (!disconnect.reconnect) forget(context, session);
  }
  if (!disconnect.reconnect) revoke(context, disconnect.identifier);
}
