const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
] as const;

/** A span of time as a log attribute: `1m30s` or `250ms` in text, integer nanoseconds in JSON. */
export class Duration {
  readonly ms: number;

  /** @param ms milliseconds, fractions allowed */
  constructor(ms: number) {
    this.ms = ms;
  }

  /** Hours to seconds from a second on, one unit below: `1h0m5s`, `2.5s`, `250ms`, `80µs`; zero is `0s`. */
  toString(): string {
    const sign = this.ms < 0 ? "-" : "";
    const ms = Math.abs(this.ms);
    if (ms === 0) return "0s";
    if (ms < 0.001) return `${sign}${Math.round(ms * 1e6)}ns`;
    if (ms < 1) return `${sign}${rounded(ms * 1e3, 3)}µs`;
    return ms < 1000 ? `${sign}${rounded(ms, 6)}ms` : `${sign}${longForm(ms)}`;
  }
}

function longForm(ms: number): string {
  let rest = ms;
  let text = "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || text !== "") text += `${count}${unit}`;
  }
  return `${text}${rounded(rest / 1000, 9)}s`;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
