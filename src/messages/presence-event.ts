import type { Publication, PublicationMeta } from "./publication.ts";
import { sortedJson } from "./sorted-json.ts";

const META: PublicationMeta = Object.freeze({
  excludeSocket: "",
  broadcastType: "presence",
  transient: true,
});

/**
 * The publication that tells a stream's subscribers of a new member. Keys are in the order clients have always seen.
 *
 *     {"id":"42","info":{"name":"V"},"type":"join"}
 *
 * @param info JSON text; empty leaves the key out
 * Source: spec "messaging", section 12.3.
 */
export function joinEvent(stream: string, id: string, info: string): Publication {
  const known = info === "" ? "" : `"info":${sortedJson(info)},`;
  return event(stream, `{"id":${JSON.stringify(id)},${known}"type":"join"}`);
}

/**
 * The publication that tells a stream's subscribers that a member has gone.
 *
 *     {"id":"42","type":"leave"}
 */
export function leaveEvent(stream: string, id: string): Publication {
  return event(stream, `{"id":${JSON.stringify(id)},"type":"leave"}`);
}

function event(stream: string, data: string): Publication {
  return { stream, data, meta: META, offset: 0, epoch: "" };
}
