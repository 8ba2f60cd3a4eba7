import { createHash } from "node:crypto";
import type { StreamPosition } from "../../messages/command.ts";
import type { Publication } from "../../messages/publication.ts";
import type { History } from "../../ports/broker.ts";

/** Keys of one stream's history; the braces keep them on one server of a cluster. */
export interface HistoryKeys {
  readonly meta: string;
  readonly history: string;
  /** What earlier epochs held. */
  readonly earlier: string;
}

/** Names are kept whole: no two streams share a key. Source: spec "messaging", section 15.1. */
export function historyKeys(stream: string): HistoryKeys {
  const tag = createHash("sha1").update(stream).digest("hex").slice(0, 12);
  const prefix = `ac:{${tag}}`;
  return {
    meta: `${prefix}:m:${stream}`,
    history: `${prefix}:h:${stream}`,
    earlier: `${prefix}:p:${stream}`,
  };
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
  if (position.offset === meta.offset) return NOTHING;
  return following(stream, position, answers[1]);
}

/**
 * The rest of the present epoch for a node, by the answers to `HMGET meta e r o` and `XRANGE history (position …`. Whether
 * a restart has lost messages does not matter to it. @returns null when the position is of another epoch
 */
export function restOfEpoch(
  stream: string,
  position: StreamPosition,
  answers: readonly unknown[],
): History | null {
  const meta = parseMeta(answers[0]);
  if (meta?.epoch !== position.epoch) return null;
  return position.offset >= meta.offset ? NOTHING : following(stream, position, answers[1]);
}

/** What earlier epochs hold behind a position, by the answer to `XRANGE earlier - +`: the rest of its epoch and all between it and the present one. */
export function restOfEarlier(stream: string, position: StreamPosition, answer: unknown): History {
  const entries = (Array.isArray(answer) ? answer : []).map(([, fields]) => ({
    epoch: String(fields[1]),
    offset: Number(fields[3]),
    data: String(fields[5]),
  }));
  const first = entries.findIndex(({ epoch }) => epoch === position.epoch);
  if (first === -1) return refused(`epoch ${position.epoch} is gone`);
  const missed = entries
    .slice(first)
    .filter(({ epoch, offset }) => epoch !== position.epoch || offset > position.offset);
  return { ok: true, publications: missed.map((entry) => ({ ...entry, stream, meta: null })) };
}

function following(stream: string, { epoch, offset }: StreamPosition, answer: unknown): History {
  const entries = parseEntries(answer);
  if (entries[0]?.offset !== offset + 1) return refused(`messages after ${offset} are gone`);
  return { ok: true, publications: entries.map((entry) => toPublication(stream, epoch, entry)) };
}

const NOTHING: History = Object.freeze({ ok: true, publications: [] });

/** Messages not older than a time, by the answers to `HMGET meta e r o` and `XRANGE history - +`. */
export function historyNotOlder(
  stream: string,
  sinceS: number,
  answers: readonly unknown[],
): History {
  const meta = parseMeta(answers[0]);
  if (meta === null) return { ok: true, publications: [] };
  const entries = parseEntries(answers[1]).filter(({ timeS }) => timeS >= sinceS);
  return {
    ok: true,
    publications: entries.map((entry) => toPublication(stream, meta.epoch, entry)),
  };
}

/** How far a stream has come, kept or not, by the answer to `HMGET meta e r o`. */
export function lastPosition(answer: unknown): StreamPosition | null {
  const meta = parseMeta(answer);
  return meta === null ? null : { epoch: meta.epoch, offset: meta.offset };
}

/** Position of the newest message kept, by the answers to `HMGET meta e r o` and `EXISTS history`. */
export function newestPosition(answers: readonly unknown[]): StreamPosition | null {
  return answers[1] === 1 ? lastPosition(answers[0]) : null;
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

/** `[["7-0", ["d", data, "t", seconds, …]], …]`, as the publish script writes them. */
function parseEntries(answer: unknown): readonly Entry[] {
  if (!Array.isArray(answer)) return [];
  return answer.map(([id, fields]) => ({
    offset: Number.parseInt(String(id), 10),
    data: String(fields[1]),
    timeS: Number(fields[3]),
  }));
}

function toPublication(stream: string, epoch: string, { offset, data }: Entry): Publication {
  return { stream, data, meta: null, offset, epoch };
}

function refused(reason: string): History {
  return { ok: false, reason };
}
