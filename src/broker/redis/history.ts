import { createHash } from "node:crypto";
import type { StreamPosition } from "../../messages/command.ts";
import type { Publication } from "../../messages/publication.ts";
import type { History } from "../../ports/broker.ts";

/** Keys of one stream's history; the braces keep them on one server of a cluster. */
export interface HistoryKeys {
  readonly meta: string;
  readonly history: string;
}

/** Names are kept whole: no two streams share a key. Source: spec "messaging", section 15.1. */
export function historyKeys(stream: string): HistoryKeys {
  const tag = createHash("sha1").update(stream).digest("hex").slice(0, 12);
  return { meta: `ac:{${tag}}:m:${stream}`, history: `ac:{${tag}}:h:${stream}` };
}

/** What a stream's meta key says. */
interface Meta {
  readonly epoch: string;
  readonly runTag: string;
  readonly offset: number;
}

/**
 * Judges a position by the answers to `HMGET meta e r o` and `XRANGE history (position …`.
 * @param runTag run of the server that answered
 */
export function historyAfter(
  stream: string,
  position: StreamPosition,
  runTag: string,
  answers: readonly unknown[],
): History {
  const meta = parseMeta(answers[0]);
  if (meta === null) return refused("stream not found");
  if (meta.epoch !== position.epoch) {
    return refused(`epoch is ${meta.epoch}, not ${position.epoch}`);
  }
  if (meta.runTag !== runTag) return refused("the server was restarted or replaced");
  if (position.offset > meta.offset) {
    return refused(`offset is ${meta.offset}, less than ${position.offset}`);
  }
  if (position.offset === meta.offset) return { ok: true, publications: [] };
  const entries = parseEntries(answers[1]);
  const first = entries[0]?.offset;
  if (first !== position.offset + 1) return refused(`messages after ${position.offset} are gone`);
  return { ok: true, publications: entries.map((entry) => toPublication(stream, meta, entry)) };
}

/** Messages not older than a time, by the answers to `HMGET meta e r o` and `XRANGE history - +`. */
export function historyNotOlder(
  stream: string,
  sinceS: number,
  answers: readonly unknown[],
): History {
  const meta = parseMeta(answers[0]);
  if (meta === null) return { ok: true, publications: [] };
  const entries = parseEntries(answers[1]).filter(({ timeS }) => timeS >= sinceS);
  return { ok: true, publications: entries.map((entry) => toPublication(stream, meta, entry)) };
}

/** Position of the newest message kept, by the answers to `HMGET meta e r o` and `EXISTS history`. */
export function newestPosition(answers: readonly unknown[]): StreamPosition | null {
  const meta = parseMeta(answers[0]);
  return meta === null || answers[1] !== 1 ? null : { epoch: meta.epoch, offset: meta.offset };
}

function parseMeta(answer: unknown): Meta | null {
  if (!Array.isArray(answer)) return null;
  const [epoch, runTag, offset] = answer;
  if (typeof epoch !== "string" || typeof offset !== "string") return null;
  return { epoch, runTag: String(runTag), offset: Number(offset) };
}

interface Entry {
  readonly offset: number;
  readonly data: string;
  readonly timeS: number;
}

/** `[["7-0", ["d", data, "t", seconds]], …]`, as the publish script writes them. */
function parseEntries(answer: unknown): readonly Entry[] {
  if (!Array.isArray(answer)) return [];
  return answer.map(([id, fields]) => ({
    offset: Number.parseInt(String(id), 10),
    data: String(fields[1]),
    timeS: Number(fields[3]),
  }));
}

function toPublication(stream: string, { epoch }: Meta, { offset, data }: Entry): Publication {
  return { stream, data, meta: null, offset, epoch };
}

function refused(reason: string): History {
  return { ok: false, reason };
}
