/** One entry of a Redis stream; `payload` is null when it has no such field. */
export interface StreamEntry {
  readonly id: string;
  readonly payload: string | null;
}

/**
 * Entries of an answer to XREADGROUP for one stream: `[[stream, [[id, [field, value, …]], …]]]`, or null when none came.
 * Answers of the server are its own format, but old versions leave holes for deleted entries.
 */
export function entriesRead(answer: unknown): readonly StreamEntry[] {
  const first = Array.isArray(answer) ? answer[0] : null;
  return Array.isArray(first) ? parseEntries(first[1]) : [];
}

/**
 * Entries of an answer to XAUTOCLAIM, `[cursor, entries, deleted]`, and where to go on.
 * @returns `cursor` is null when everything was looked at
 */
export function entriesClaimed(answer: unknown): {
  readonly entries: readonly StreamEntry[];
  readonly cursor: string | null;
} {
  if (!Array.isArray(answer)) return { entries: [], cursor: null };
  const [cursor, entries] = answer;
  return {
    entries: parseEntries(entries),
    cursor: typeof cursor === "string" && cursor !== "0-0" ? cursor : null,
  };
}

function parseEntries(list: unknown): readonly StreamEntry[] {
  if (!Array.isArray(list)) return [];
  const entries: StreamEntry[] = [];
  for (const item of list) {
    if (!Array.isArray(item) || typeof item[0] !== "string") continue;
    entries.push({ id: item[0], payload: payloadOf(item[1]) });
  }
  return entries;
}

function payloadOf(fields: unknown): string | null {
  if (!Array.isArray(fields)) return null;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index] === "payload") return String(fields[index + 1]);
  }
  return null;
}
