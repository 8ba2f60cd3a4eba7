import { errorText } from "../../../src/messages/server-error.ts";
import { Arrivals } from "../arrivals.ts";
import { Fleet } from "../fleet.ts";
import { Meter } from "../meter.ts";
import { percentile } from "../percentile.ts";
import { publicationBody } from "../publication-body.ts";
import type { Publisher } from "../publisher.ts";
import type { Measurement, SteadyLoad, Target } from "../scenario.ts";
import { identifierOf, STALL_MS } from "../target-identifier.ts";

const STREAM = "steady";

/**
 * One stream, all clients on it, publications at a fixed rate.
 * Figures: `deliveryP50Ms` and `deliveryP99Ms` over every delivery (bytes of the request written to message read),
 * `deliveriesPerCpuSecond`, `lateMs` (how far the generator fell behind its own schedule at worst), `residentBytes`.
 */
export async function steadyScenario(
  target: Target,
  load: SteadyLoad,
  publisher: Publisher,
): Promise<Measurement> {
  const arrivals = new Arrivals(load.clients, STALL_MS);
  const publications = load.perSecond * (load.seconds + load.warmupSeconds);
  const sentMs = new Float64Array(publications + 1);
  const latencies = new Float32Array(publications * load.clients);
  let deliveries = 0;
  const identifier = identifierOf(target, STREAM);
  const fleet = new Fleet(
    { url: target.url, clients: load.clients, identifier: () => identifier },
    (client, sequence) => {
      latencies[deliveries++] = performance.now() - (sentMs[sequence] ?? 0);
      arrivals.received(client, sequence);
    },
  );
  await fleet.connect(load.clients, STALL_MS);
  const meter = new Meter(target.pid);
  await meter.quiet();

  let figures: Record<string, number> = {};
  let failure: string | null = null;
  try {
    if (fleet.failed === 0) {
      const rest = await publishAll(load, publisher, arrivals, meter, sentMs);
      const counted = latencies.subarray(load.clients * load.perSecond * load.warmupSeconds);
      figures = {
        deliveryP50Ms: percentile(counted, 0.5),
        deliveryP99Ms: percentile(counted, 0.99),
        ...rest,
      };
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

async function publishAll(
  load: SteadyLoad,
  publisher: Publisher,
  arrivals: Arrivals,
  meter: Meter,
  sentMs: Float64Array,
): Promise<Record<string, number>> {
  const total = sentMs.length - 1;
  const startedMs = performance.now();
  let lateMs = 0;
  const end = meter.start();
  for (let sequence = 1; sequence <= total; sequence++) {
    const dueMs = startedMs + ((sequence - 1) * 1000) / load.perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await Bun.sleep(waitMs);
    lateMs = Math.max(lateMs, performance.now() - dueMs);
    const body = publicationBody(STREAM, sequence, 1);
    arrivals.checker.sent(sequence);
    sentMs[sequence] = performance.now();
    await publisher.publish(body);
  }
  await arrivals.until(total * load.clients);
  const deliveriesPerCpuSecond = (total * load.clients) / end().cpuSeconds;
  return { deliveriesPerCpuSecond, lateMs, residentBytes: meter.residentBytes() };
}
