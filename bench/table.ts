import type { Measurement } from "./load/scenario.ts";
import type { Budget, Figure, Row } from "./row.ts";

/** A row with what each column measured; null where a column could not take it. */
export interface RowResult {
  readonly row: Row;
  readonly floor: Measurement | null;
  /** By subject, in the order of the columns. */
  readonly subjects: readonly (Measurement | null)[];
}

const MISSING = "–";
/** Workload, floor, server, ratio, budget, verdict. */
const WIDTHS = [59, 9, 9, 6, 13, 4];
const OTHER_WIDTH = 9;
const LATENCIES = ["lastClient", "delivery", "call", "whole"];

/** The head of the table for these columns. */
export function tableHead(names: readonly string[]): string {
  const others = names.slice(1).flatMap((name) => [name, "ratio"]);
  return line([
    "workload",
    "floor",
    names[0] ?? "",
    "ratio",
    "budget",
    "",
    ...others,
    `p50 / p99, memory of ${names[0]}`,
  ]);
}

/** The lines of one row: one per figure, ratios against the floor of the same run. */
export function tableLines(result: RowResult): string {
  const figures = result.row.figures.map((figure, i) => figureLine(result, figure, i === 0));
  const hints = result.subjects.flatMap((measurement) => measurement?.hints ?? []);
  return [...figures, ...[...new Set(hints)].map((hint) => `  ${MISSING} ${hint}\n`)].join("");
}

function figureLine(result: RowResult, figure: Figure, isFirst: boolean): string {
  const values = result.subjects.map((measurement) => measurement?.figures[figure.key]);
  const bases = result.subjects.map((measurement) => base(result, measurement, figure));
  const others = values
    .slice(1)
    .flatMap((value, i) => [shown(value, figure), ratio(value, bases[i + 1])]);
  const [main] = result.subjects;
  const floor = bases[0] ?? result.floor?.figures[figure.key];
  return line([
    figure.label,
    shown(floor, figure),
    shown(values[0], figure),
    ratio(values[0], floor),
    budgetText(figure),
    verdict(figure.budget, values[0], floor),
    ...others,
    main ? details(main, figure, isFirst) : "",
  ]);
}

/** What a figure is held against: the floor's, or another one of the same server. */
function base(
  { floor }: RowResult,
  measurement: Measurement | null,
  { key, against }: Figure,
): number | undefined {
  return against === undefined ? floor?.figures[key] : measurement?.figures[against];
}

function line(cells: readonly string[]): string {
  const padded = cells.map((cell, i) => {
    const width = WIDTHS[i] ?? OTHER_WIDTH;
    return i === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return `${padded.join(" ").trimEnd()}\n`;
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function shown(value: number | null | undefined, figure: Figure): string {
  if (!isNumber(value)) return MISSING;
  return `${number(value / figure.per)} ${figure.unit}`.trim();
}

function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function ratio(value: number | null | undefined, floor: number | null | undefined): string {
  return isNumber(value) && isNumber(floor) ? (value / floor).toFixed(2) : MISSING;
}

function budgetText({ budget, per, unit }: Figure): string {
  if (budget === null) return "";
  if ("atMostFloor" in budget) return `≤ ${budget.atMostFloor} × floor`;
  const sign = "atMost" in budget ? "≤" : "≥";
  const value = "atMost" in budget ? budget.atMost : budget.atLeast;
  return `${sign} ${number(value / per)} ${unit}`.trim();
}

function verdict(
  budget: Budget | null,
  value: number | null | undefined,
  floor: number | null | undefined,
): string {
  if (budget === null) return "";
  if (!isNumber(value)) return MISSING;
  if ("atMost" in budget) return value <= budget.atMost ? "ok" : "over";
  if ("atLeast" in budget) return value >= budget.atLeast ? "ok" : "over";
  if (!isNumber(floor)) return MISSING;
  return value <= budget.atMostFloor * floor ? "ok" : "over";
}

/** The figure's own detail; on the row's first line also p50, p99 and memory, where it has them. */
function details({ figures }: Measurement, { detail }: Figure, isFirst: boolean): string {
  const value = detail && figures[detail.key];
  const own = detail && isNumber(value) ? [`${number(value)} ${detail.text}`] : [];
  return [...own, ...(isFirst ? latencyAndMemory(figures) : [])].join(", ");
}

/** p50 and p99 of the row's latency, and the memory the server ended with. */
function latencyAndMemory(figures: Measurement["figures"]): string[] {
  const [p50, p99] = ["P50Ms", "P99Ms"].map((suffix) =>
    LATENCIES.map((name) => figures[name + suffix]).find(isNumber),
  );
  const memory = figures["residentBytes"];
  const peak = figures["peakBytes"];
  return [
    isNumber(p50) && isNumber(p99) ? `${number(p50)} / ${number(p99)} ms` : "",
    isNumber(memory) ? `${number(memory / 1e6)} MB` : "",
    isNumber(peak) ? `peak ${number(peak / 1e6)} MB` : "",
  ].filter((part) => part !== "");
}
