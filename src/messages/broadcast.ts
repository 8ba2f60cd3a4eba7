import { asJsonObject, type JsonObject, jsonErrorText } from "./json.ts";
import type { Publication, PublicationMeta } from "./publication.ts";
import type { RemoteCommand } from "./remote-command.ts";

/** What an application sent: one publication, several in order, an order to the nodes, or nothing of the kind. */
export type Broadcast =
  | { readonly kind: "publication"; readonly publication: Publication }
  | {
      readonly kind: "batch";
      readonly publications: readonly Publication[];
      /** Elements left out: `null` or without a stream. */
      readonly skipped: number;
    }
  | { readonly kind: "command"; readonly command: RemoteCommand }
  | { readonly kind: "malformed"; readonly error: string };

/**
 * Reads a message of the application. Never throws. Source: spec "messaging", sections 2 and 2.1.
 *
 *     {"stream":"chat/42","data":"{\"text\":\"hi\"}","meta":{"exclude_socket":"x1"}}
 *     [{"stream":"chat/42","data":"1"},{"stream":"chat/43","data":"2"}]
 *     {"command":"disconnect","payload":{"identifier":"{\"user\":\"42\"}"}}
 *
 * A non-empty `stream` wins over `command`. One wrongly typed element spoils a batch.
 */
export function parseBroadcast(body: string): Broadcast {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return malformed(jsonErrorText(error));
  }
  if (Array.isArray(value)) return parseBatch(value);
  const object = asJsonObject(value);
  if (object === null) return malformed("neither an object nor an array");
  const publication = parsePublication(object);
  if (typeof publication !== "string" && publication.stream !== "") {
    return { kind: "publication", publication };
  }
  const command = parseCommand(object);
  if (command !== null) return { kind: "command", command };
  return malformed(typeof publication === "string" ? publication : "neither stream nor command");
}

function parseBatch(elements: readonly unknown[]): Broadcast {
  const publications: Publication[] = [];
  for (const element of elements) {
    if (element === null) continue;
    const object = asJsonObject(element);
    if (object === null) return malformed("element of the batch is not an object");
    const publication = parsePublication(object);
    if (typeof publication === "string") return malformed(`element of the batch: ${publication}`);
    if (publication.stream !== "") publications.push(publication);
    else if (publications.length === 0) break;
  }
  if (!startsWithStream(elements)) return malformed("first element of the batch has no stream");
  return { kind: "batch", publications, skipped: elements.length - publications.length };
}

function startsWithStream(elements: readonly unknown[]): boolean {
  const stream = asJsonObject(elements[0])?.["stream"];
  return typeof stream === "string" && stream !== "";
}

/** @returns what is wrong, when something is; a missing stream gives the empty name */
function parsePublication(object: JsonObject): Publication | string {
  const stream = object["stream"] ?? "";
  const data = object["data"] ?? "";
  const given = object["offset"] ?? 0;
  const epoch = object["epoch"] ?? "";
  if (typeof stream !== "string") return "stream must be a string";
  if (typeof data !== "string") return "data must be a string";
  if (typeof epoch !== "string") return "epoch must be a string";
  if (!isOffset(given)) return "offset must be an integer from 0 to 2^64-1";
  // A number that was rounded when it was read is nobody's position.
  const offset = Number.isSafeInteger(given) ? given : 0;
  const meta = parseMeta(object["meta"] ?? null);
  if (typeof meta === "string") return meta;
  return { stream, data, meta, offset, epoch };
}

function parseMeta(value: unknown): PublicationMeta | null | string {
  if (value === null) return null;
  const object = asJsonObject(value);
  if (object === null) return "meta must be an object";
  const excludeSocket = object["exclude_socket"] ?? "";
  const broadcastType = object["broadcast_type"] ?? "";
  const transient = object["transient"] ?? false;
  if (typeof excludeSocket !== "string") return "meta.exclude_socket must be a string";
  if (typeof broadcastType !== "string") return "meta.broadcast_type must be a string";
  if (typeof transient !== "boolean") return "meta.transient must be a boolean";
  if (excludeSocket === "" && broadcastType === "" && !transient) return null;
  return { excludeSocket, broadcastType, transient };
}

function parseCommand(object: JsonObject): RemoteCommand | null {
  const command = object["command"];
  if (typeof command !== "string" || command === "") return null;
  return { command, payload: object["payload"] };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 2 ** 64;
}

function malformed(error: string): Broadcast {
  return { kind: "malformed", error };
}
