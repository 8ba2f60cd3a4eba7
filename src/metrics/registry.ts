import type { Counter, Gauge, Metrics } from "../ports/metrics.ts";

/** A metric as it stands. Plain data. */
export interface Sample {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

/** Totals at one moment, each list sorted by name. Plain data: it may cross threads. */
export interface Snapshot {
  readonly counters: readonly Sample[];
  readonly gauges: readonly Sample[];
}

/** What an interval brought: growth of each counter, state of each gauge; sorted by name. */
export interface Rotation {
  readonly counters: ReadonlyMap<string, number>;
  readonly gauges: ReadonlyMap<string, number>;
}

const NAME = /^[a-z][a-z0-9_]*$/;

/** The metrics of one thread, in memory. */
export class Registry implements Metrics {
  private readonly counters = new Map<string, CounterCell>();
  private readonly gauges = new Map<string, GaugeCell>();

  /** @throws {RangeError} for a name that is no snake_case word or belongs to a gauge, or a help text of several lines */
  counter(name: string, help: string): Counter {
    let cell = this.counters.get(name);
    if (cell === undefined) {
      this.checkNew(name, help);
      cell = new CounterCell(name, help);
      this.counters.set(name, cell);
    }
    return cell;
  }

  /** @throws {RangeError} for a name that is no snake_case word or belongs to a counter, or a help text of several lines */
  gauge(name: string, help: string): Gauge {
    let cell = this.gauges.get(name);
    if (cell === undefined) {
      this.checkNew(name, help);
      cell = new GaugeCell(name, help);
      this.gauges.set(name, cell);
    }
    return cell;
  }

  /** All metrics with their totals. */
  snapshot(): Snapshot {
    return { counters: samples(this.counters), gauges: samples(this.gauges) };
  }

  /** What happened since the last call, or since the start: reading and resetting are one step. */
  rotate(): Rotation {
    const counters = new Map<string, number>();
    for (const cell of sorted(this.counters)) counters.set(cell.name, cell.takeGrowth());
    const gauges = new Map<string, number>();
    for (const cell of sorted(this.gauges)) gauges.set(cell.name, cell.value);
    return { counters, gauges };
  }

  private checkNew(name: string, help: string): void {
    if (!NAME.test(name)) throw new RangeError(`metric name ${name}: must be a snake_case word`);
    if (/[\r\n]/.test(help)) throw new RangeError(`metric ${name}: help must be one line`);
    if (this.counters.has(name) || this.gauges.has(name)) {
      throw new RangeError(`metric ${name}: already there as the other kind`);
    }
  }
}

class CounterCell implements Counter {
  readonly name: string;
  readonly help: string;
  value = 0;
  private rotatedValue = 0;

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  add(amount = 1): void {
    this.value += amount;
  }

  takeGrowth(): number {
    const growth = this.value - this.rotatedValue;
    this.rotatedValue = this.value;
    return growth;
  }
}

class GaugeCell implements Gauge {
  readonly name: string;
  readonly help: string;
  value = 0;

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  set(value: number): void {
    this.value = value;
  }

  add(amount: number): void {
    this.value += amount;
  }
}

function samples(cells: ReadonlyMap<string, Sample>): readonly Sample[] {
  return sorted(cells).map(({ name, help, value }) => ({ name, help, value }));
}

/** Reading is rare: it sorts, so that registering and counting stay plain. */
function sorted<Cell extends Sample>(cells: ReadonlyMap<string, Cell>): readonly Cell[] {
  return [...cells.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
