import type {
  Command,
  Decoded,
  HistoryRequest,
  PresenceRequest,
  StreamPosition,
} from "../../messages/command.ts";

/**
 * A client's command from its decoded form. `null` fields count as absent, unknown keys are ignored, a wrongly
 * typed field spoils the whole message. Source: spec "protocol", 7.1.
 */
export function parseCommand(value: unknown): Decoded {
  if (value === null) return { command: "ignored" };
  if (!isObject(value)) return malformed("a command must be an object");
  const name = value["command"] ?? "";
  const identifier = value["identifier"] ?? "";
  if (typeof name !== "string") return malformed("command must be a string");
  if (typeof identifier !== "string") return malformed("identifier must be a string");
  const history = parseHistory(value["history"]);
  if (history === "malformed") return malformed("history must be {since, streams}");
  const presence = parsePresence(value["presence"]);
  if (presence === "malformed") return malformed("presence must be {id, info}");
  return commandOf(
    name.toWellFormed(),
    identifier.toWellFormed(),
    wellFormed(value["data"]),
    history,
    presence,
  );
}

/** Half of a surrogate pair, as `"\ud800"`, is no text that could be sent on: it becomes U+FFFD, as in the reference. */
function wellFormed(data: unknown): unknown {
  return typeof data === "string" ? data.toWellFormed() : data;
}

function commandOf(
  name: string,
  identifier: string,
  data: unknown,
  history: HistoryRequest | null,
  presence: PresenceRequest | null,
): Command {
  switch (name) {
    case "subscribe":
      return { command: "subscribe", identifier, history, presence };
    case "unsubscribe":
      return { command: "unsubscribe", identifier };
    case "message":
      return { command: "message", identifier, data };
    case "history":
      return { command: "history", identifier, history };
    case "whisper":
      return { command: "whisper", identifier, data };
    case "join":
      return { command: "join", identifier, presence };
    case "leave":
      return { command: "leave", identifier };
    case "presence":
      return { command: "presence", identifier, data };
    case "ping":
      return { command: "ping" };
    case "pong":
      return { command: "pong" };
    default:
      return { command: "unknown", name };
  }
}

function parseHistory(value: unknown): HistoryRequest | null | "malformed" {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) return "malformed";
  const since = value["since"] ?? 0;
  if (typeof since !== "number" || !Number.isInteger(since)) return "malformed";
  const streams = parsePositions(value["streams"]);
  return streams === "malformed" ? "malformed" : { since, streams };
}

function parsePositions(value: unknown): Map<string, StreamPosition> | null | "malformed" {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) return "malformed";
  const positions = new Map<string, StreamPosition>();
  for (const [stream, position] of Object.entries(value)) {
    const parsed = parsePosition(position);
    if (parsed === "malformed") return "malformed";
    positions.set(stream, parsed);
  }
  return positions;
}

function parsePosition(value: unknown): StreamPosition | "malformed" {
  if (value === null) return { epoch: "", offset: 0 };
  if (!isObject(value)) return "malformed";
  const epoch = value["epoch"] ?? "";
  const offset = value["offset"] ?? 0;
  if (typeof epoch !== "string" || typeof offset !== "number") return "malformed";
  return Number.isInteger(offset) && offset >= 0 ? { epoch, offset } : "malformed";
}

/** A numeric id becomes text: clients send it, and a refusal would help nobody (spec "protocol", Q15). */
function parsePresence(value: unknown): PresenceRequest | null | "malformed" {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) return "malformed";
  const id = value["id"] ?? "";
  const type = value["type"] ?? "";
  if (typeof type !== "string") return "malformed";
  if (typeof id !== "string" && typeof id !== "number") return "malformed";
  const info = value["info"];
  return {
    id: String(id).toWellFormed(),
    info: info === undefined || info === null ? "" : JSON.stringify(info),
  };
}

function malformed(error: string): Decoded {
  return { command: "malformed", error };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
