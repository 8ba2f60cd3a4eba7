import type { Counter, Gauge, Metrics } from "../../src/ports/metrics.ts";

class FakeMetric implements Counter, Gauge {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** Metrics whose values can be read. */
export class FakeMetrics implements Metrics {
  private readonly metrics = new Map<string, FakeMetric>();

  counter(name: string, _help: string): Counter {
    return this.metric(name);
  }

  gauge(name: string, _help: string): Gauge {
    return this.metric(name);
  }

  /** @throws {RangeError} when nobody registered the name: a misspelt name must not read as 0 */
  value(name: string): number {
    const metric = this.metrics.get(name);
    if (metric === undefined) throw new RangeError(`no metric ${name}, there are ${this.names}`);
    return metric.value;
  }

  /** Registered names, sorted. */
  get names(): readonly string[] {
    return [...this.metrics.keys()].sort();
  }

  private metric(name: string): FakeMetric {
    let metric = this.metrics.get(name);
    if (metric === undefined) {
      metric = new FakeMetric();
      this.metrics.set(name, metric);
    }
    return metric;
  }
}
