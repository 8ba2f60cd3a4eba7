import { errorText } from "../src/messages/server-error.ts";
import { checkLimits } from "./limits.ts";
import { type Measurement, NO_LOSS } from "./load/scenario.ts";
import { medianMeasurement } from "./median.ts";
import { readOptions, USAGE } from "./options.ts";
import type { Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import { floorSubject } from "./servers/floor.ts";
import type { Subject } from "./servers/subject.ts";
import { type RowResult, tableHead, tableLines } from "./table.ts";

/**
 * `make bench`: every workload of DESIGN.md section 3 on the floor and on the servers asked for, as a table.
 * Exit code 0; 1 when a message was lost, doubled or reordered or a client was refused or cut, on any server; 2 when it
 * could not run. Never fails on a time.
 */

const out = (text: string) => process.stdout.write(text);

async function runRow(row: Row, subjects: readonly Subject[]): Promise<RowResult> {
  const floor: Measurement[] = [];
  const bySubject = subjects.map((subject) => ({ subject, passes: [] as Measurement[] }));
  for (let pass = 0; pass < row.passes; pass++) {
    floor.push(...(await measured(() => measureFloor(row))));
    for (const { subject, passes } of bySubject) {
      passes.push(...(await measured(() => row.measure(subject))));
    }
  }
  return {
    row,
    floor: medianMeasurement(floor),
    subjects: bySubject.map(({ passes }) => medianMeasurement(passes)),
  };
}

async function measureFloor(row: Row): Promise<Measurement | null> {
  if (row.floor === undefined) return row.measure(floorSubject);
  return row.floor === null ? null : row.floor();
}

/** A server that cannot be started or a generator that broke fails its cell, not the run. */
async function measured(measure: () => Promise<Measurement | null>): Promise<Measurement[]> {
  try {
    const measurement = await measure();
    return measurement ? [measurement] : [];
  } catch (error) {
    return [{ figures: {}, loss: NO_LOSS, failedClients: 0, failure: errorText(error) }];
  }
}

/** What went wrong in a cell, in words; null when nothing did. */
function complaint(measurement: Measurement | null): string | null {
  if (!measurement) return null;
  const { loss, failedClients, failure } = measurement;
  const counts = { ...loss, "failed clients": failedClients };
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  if (parts.length === 0 && failure === null) return null;
  const text = parts.map(([name, count]) => `${count} ${name}`).join(", ");
  return [text, failure].filter(Boolean).join("; ");
}

function complaints({ row, floor, subjects }: RowResult, names: readonly string[]): string[] {
  const cells = [
    ["floor", floor] as const,
    ...names.map((name, i) => [name, subjects[i]] as const),
  ];
  return cells.flatMap(([name, measurement]) => {
    const text = complaint(measurement ?? null);
    return text === null ? [] : [`FAILED ${row.name} on ${name}: ${text}\n`];
  });
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), ROWS);
  if (!options) {
    out(USAGE);
    return 0;
  }
  checkLimits(options.rows);
  const names = options.subjects.map((subject) => subject.name);
  if (!options.isJson) out(tableHead(names));
  const results: RowResult[] = [];
  const failures: string[] = [];
  for (const row of options.rows) {
    const result = await runRow(row, options.subjects);
    results.push(result);
    if (!options.isJson) out(tableLines(result));
    failures.push(...complaints(result, names));
  }
  if (options.isJson) out(`${JSON.stringify(asJson(results, names), null, 2)}\n`);
  for (const failure of failures) process.stderr.write(failure);
  return failures.length > 0 ? 1 : 0;
}

function asJson(results: readonly RowResult[], names: readonly string[]): unknown {
  return results.map(({ row, floor, subjects }) => ({
    row: row.name,
    floor,
    ...Object.fromEntries(names.map((name, i) => [name, subjects[i]])),
  }));
}

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${errorText(error)}\n`);
  process.exitCode = 2;
}
