import { asJsonObject, parseJsonObject } from "../../messages/json.ts";

/** A node where a member is, and how long it may be silent before its members are gone. */
export interface Whereabouts {
  readonly node: string;
  readonly ttlMs: number;
}

/**
 * A member of a stream as it is kept, for all nodes.
 *
 *     {"stream":"chat/1","id":"42","info":"{\"name\":\"V\"}","nodes":[["k3J_x9aZ",15000]]}
 */
export interface PresenceRecordEntry {
  readonly stream: string;
  readonly id: string;
  /** JSON text, empty for none. */
  readonly info: string;
  readonly nodes: readonly Whereabouts[];
}

/** The record as text. */
export function encodeRecord({ stream, id, info, nodes }: PresenceRecordEntry): string {
  const pairs = nodes.map(({ node, ttlMs }) => [node, ttlMs]);
  return JSON.stringify({ stream, id, info, nodes: pairs });
}

/** @returns null when the text is no record */
export function decodeRecord(text: string): PresenceRecordEntry | null {
  const object = parseJsonObject(text);
  const { stream, id, info, nodes } = asJsonObject(object) ?? {};
  if (typeof stream !== "string" || typeof id !== "string" || typeof info !== "string") return null;
  if (!Array.isArray(nodes)) return null;
  return { stream, id, info, nodes: nodes.map(decodePair).filter((pair) => pair !== null) };
}

function decodePair(pair: unknown): Whereabouts | null {
  if (!Array.isArray(pair)) return null;
  const [node, ttlMs] = pair;
  return typeof node === "string" && typeof ttlMs === "number" ? { node, ttlMs } : null;
}
