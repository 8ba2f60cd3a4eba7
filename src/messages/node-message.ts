import type { Publication, PublicationMeta } from "./publication.ts";
import type { RemoteCommand } from "./remote-command.ts";

/**
 * A publication as nodes send it to each other. Keys in this order, empty ones left out; read with `parseBroadcast`.
 *
 *     {"stream":"chat/1","data":"{\"a\":1}","meta":{"exclude_socket":"s1","transient":true},"offset":42,"epoch":"aB3x"}
 *
 * Source: spec "messaging", section 9.3. Nodes of the reference read and write the same.
 */
export function encodeNodePublication(publication: Publication): string {
  const { offset, epoch } = publication;
  const position = offset === 0 ? "" : `,"offset":${offset}`;
  const incarnation = epoch === "" ? "" : `,"epoch":${JSON.stringify(epoch)}`;
  return `${openNodePublication(publication)}${position}${incarnation}}`;
}

/** The same without position and closing brace, for whoever knows the position only later. */
export function openNodePublication({ stream, data, meta }: Publication): string {
  const options = meta === null ? "" : encodeMeta(meta);
  return `{"stream":${JSON.stringify(stream)},"data":${JSON.stringify(data)}${options}`;
}

/**
 * A command as nodes send it to each other.
 *
 *     {"command":"disconnect","payload":{"identifier":"{\"user\":\"42\"}","reconnect":true}}
 */
export function encodeNodeCommand({ command, payload }: RemoteCommand): string {
  return JSON.stringify({ command, payload });
}

function encodeMeta({ excludeSocket, broadcastType, transient }: PublicationMeta): string {
  const parts: string[] = [];
  if (excludeSocket !== "") parts.push(`"exclude_socket":${JSON.stringify(excludeSocket)}`);
  if (broadcastType !== "") parts.push(`"broadcast_type":${JSON.stringify(broadcastType)}`);
  if (transient) parts.push('"transient":true');
  return parts.length === 0 ? "" : `,"meta":{${parts.join(",")}}`;
}
