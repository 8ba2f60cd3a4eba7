const UNITS_MS = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * Milliseconds of a span of time as Go writes it: `30s`, `1m30s`, `1.5h`, `0`.
 * @returns null when the text is none
 */
export function parseGoDuration(text: string): number | null {
  const sign = text.startsWith("-") ? -1 : 1;
  const digits = text.replace(/^[+-]/, "");
  if (digits === "0") return 0;
  let total = 0;
  let end = 0;
  for (const [part, count = "", unit = ""] of digits.matchAll(PART)) {
    total += Number(count) * (UNITS_MS.get(unit) ?? 0);
    end += part.length;
  }
  return end === 0 || end !== digits.length ? null : sign * total;
}
