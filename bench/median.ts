import { sumLoss } from "./load/loss-checker.ts";
import { percentile } from "./load/percentile.ts";
import type { Measurement } from "./load/scenario.ts";

/**
 * One measurement out of several of the same workload: the median of each figure, the sum of what went wrong, the
 * first failure.
 * @returns null when there is none
 */
export function medianMeasurement(passes: readonly Measurement[]): Measurement | null {
  const [first] = passes;
  if (!first) return null;
  const keys = new Set(passes.flatMap((pass) => Object.keys(pass.figures)));
  const figures = [...keys].map((key) => [key, medianFigure(passes, key)] as const);
  return {
    figures: Object.fromEntries(figures),
    loss: sumLoss(passes.map(({ loss }) => loss)),
    failedClients: passes.reduce((total, pass) => total + pass.failedClients, 0),
    failure: passes.find((pass) => pass.failure !== null)?.failure ?? null,
    hints: [...new Set(passes.flatMap(({ hints }) => hints ?? []))],
  };
}

function medianFigure(passes: readonly Measurement[], key: string): number {
  const values = passes.map((pass) => pass.figures[key]).filter((value) => value !== undefined);
  return percentile(values, 0.5);
}
