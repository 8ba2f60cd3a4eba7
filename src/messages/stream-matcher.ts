import type { StreamRule } from "./stream-rules.ts";

const MAX_CACHED_STREAMS = 10_000;

/**
 * Settings by stream name. `settle` turns each rule into what its room needs, once; the streams that no rule
 * matches share `settle(null)`. Answers are remembered for 10 000 names, then forgotten all at once: names come from clients.
 */
export class StreamMatcher<Settings> {
  readonly #candidates: readonly Candidate<Settings>[];
  readonly #fallback: Settings;
  readonly #known = new Map<string, Settings>();

  constructor(rules: readonly StreamRule[], settle: (rule: StreamRule | null) => Settings) {
    this.#candidates = rules.map((rule) => ({
      matches: compilePattern(rule.pattern),
      settings: settle(rule),
    }));
    this.#fallback = settle(null);
  }

  /** Settings of the first rule that matches; the same object for all streams of one rule. */
  settingsOf(stream: string): Settings {
    if (this.#candidates.length === 0) return this.#fallback;
    const known = this.#known.get(stream);
    if (known !== undefined) return known;
    const first = this.#candidates.find((candidate) => candidate.matches(stream));
    const settings = first === undefined ? this.#fallback : first.settings;
    if (this.#known.size >= MAX_CACHED_STREAMS) this.#known.clear();
    this.#known.set(stream, settings);
    return settings;
  }
}

interface Candidate<Settings> {
  readonly matches: (stream: string) => boolean;
  readonly settings: Settings;
}

/** Not a regular expression: those take exponential time for some patterns, and names come from clients. */
function compilePattern(pattern: string): (stream: string) => boolean {
  const parts = pattern.split("*");
  const [head = ""] = parts;
  if (parts.length === 1) return (stream) => stream === pattern;
  const tail = parts.at(-1) ?? "";
  const middle = parts.slice(1, -1).filter((part) => part !== "");
  return (stream) =>
    stream.length >= head.length + tail.length &&
    stream.startsWith(head) &&
    stream.endsWith(tail) &&
    hasInOrder(stream, middle, head.length, stream.length - tail.length);
}

function hasInOrder(stream: string, parts: readonly string[], start: number, end: number): boolean {
  let from = start;
  for (const part of parts) {
    const found = stream.indexOf(part, from);
    if (found === -1 || found + part.length > end) return false;
    from = found + part.length;
  }
  return true;
}
