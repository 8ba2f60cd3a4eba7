import type { Command } from "../../messages/command.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Attributes } from "../../ports/log.ts";

/** A command as a group of log attributes; long values are cut. */
export function describeCommand(command: Command): Attributes {
  const name = command.command === "unknown" ? command.name : command.command;
  const identifier = "identifier" in command ? command.identifier : "";
  const data = "data" in command && command.data !== undefined ? dataText(command.data) : "";
  const history = "history" in command && command.history !== null ? command.history.since : null;
  return {
    command: truncate(name),
    identifier: truncate(identifier),
    ...(data === "" ? {} : { data }),
    ...(history === null ? {} : { history: { since: history } }),
  };
}

function dataText(data: unknown): string {
  return truncate(typeof data === "string" ? data : JSON.stringify(data));
}

/** A client's frame as log text; long ones are cut. */
export function describeFrame(data: string | Uint8Array): string {
  return truncate(typeof data === "string" ? data : Buffer.from(data).toString());
}
