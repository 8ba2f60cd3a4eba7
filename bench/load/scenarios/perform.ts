import { errorText } from "../../../src/messages/server-error.ts";
import { Arrivals } from "../arrivals.ts";
import { Fleet } from "../fleet.ts";
import { Meter } from "../meter.ts";
import { percentile } from "../percentile.ts";
import type { Measurement, PerformLoad, Target } from "../scenario.ts";
import { identifierOf, STALL_MS } from "../target-identifier.ts";

/** What a phase of calls brought. */
interface Phase {
  readonly figures: Record<string, number>;
}

/**
 * Every client performs, waits until the backend's echo has come back, and performs again.
 * Figures: `callsPerCpuSecond` (the server's, the backend not included), `callsPerSecond`, `callP50Ms`, `callP99Ms`,
 * `residentBytes`. Excludes: connecting.
 */
export async function performScenario(target: Target, load: PerformLoad): Promise<Measurement> {
  const arrivals = new Arrivals(load.clients, STALL_MS);
  const calls = new Calls(load, arrivals);
  const fleet = new Fleet(
    {
      url: target.url,
      clients: load.clients,
      identifier: (index) => identifierOf(target, `${index}`),
    },
    (client, sequence) => calls.answered(fleet, client, sequence),
  );
  await fleet.connect(load.clients, STALL_MS);
  const meter = new Meter(target.pid);
  await meter.quiet();

  let figures: Record<string, number> = {};
  let failure: string | null = null;
  try {
    if (fleet.failed === 0) {
      await calls.phase(fleet, meter, load.warmupCallsPerClient);
      ({ figures } = await calls.phase(fleet, meter, load.callsPerClient));
    }
  } catch (error) {
    failure = errorText(error);
  }
  await arrivals.linger();
  const loss = arrivals.checker.report();
  const failedClients = fleet.failed;
  fleet.close();
  return { figures, loss, failedClients, failure: fleet.firstFailure ?? failure };
}

/** One call under way per client. */
class Calls {
  readonly #arrivals: Arrivals;
  readonly #clients: number;
  readonly #sentMs: Float64Array;
  #latencies: number[] = [];
  #last = 0;

  constructor(load: PerformLoad, arrivals: Arrivals) {
    this.#arrivals = arrivals;
    this.#clients = load.clients;
    this.#sentMs = new Float64Array(load.clients);
  }

  /** The echo of call `sequence` reached `client`: on to the next, up to the end of the phase. */
  answered(fleet: Fleet, client: number, sequence: number): void {
    this.#latencies.push(performance.now() - (this.#sentMs[client] ?? 0));
    this.#arrivals.received(client, sequence);
    if (sequence < this.#last) this.#call(fleet, client, sequence + 1);
  }

  /** Every client makes `count` more calls, one after another. */
  async phase(fleet: Fleet, meter: Meter, count: number): Promise<Phase> {
    const first = this.#last + 1;
    this.#last += count;
    this.#latencies = [];
    this.#arrivals.checker.sent(this.#last);
    const end = meter.start();
    for (let client = 0; client < this.#clients; client++) this.#call(fleet, client, first);
    await this.#arrivals.until(this.#last * this.#clients);
    const { seconds, cpuSeconds } = end();
    const figures = {
      callsPerCpuSecond: (count * this.#clients) / cpuSeconds,
      callsPerSecond: (count * this.#clients) / seconds,
      callP50Ms: percentile(this.#latencies, 0.5),
      callP99Ms: percentile(this.#latencies, 0.99),
      residentBytes: meter.residentBytes(),
    };
    return { figures };
  }

  #call(fleet: Fleet, client: number, sequence: number): void {
    this.#sentMs[client] = performance.now();
    fleet.perform(client, `{"action":"echo","seq":${sequence}}`);
  }
}
