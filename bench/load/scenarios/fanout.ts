import { errorText } from "../../../src/messages/server-error.ts";
import { Arrivals } from "../arrivals.ts";
import { Fleet } from "../fleet.ts";
import { Meter } from "../meter.ts";
import { percentile } from "../percentile.ts";
import { publicationBody } from "../publication-body.ts";
import type { Publisher } from "../publisher.ts";
import type { FanoutLoad, Measurement, Target } from "../scenario.ts";
import { identifierOf, STALL_MS } from "../target-identifier.ts";

const STREAM = "fanout";

/**
 * One stream, all clients on it; each round publishes once and ends when the last client has everything.
 * Figures: `deliveriesPerCpuSecond`, `deliveriesPerSecond`, `lastClientP50Ms`, `…P95Ms` and `…P99Ms` (bytes of the request written
 * to last delivery read), `residentBytes`. Excludes: connecting.
 */
export async function fanoutScenario(
  target: Target,
  load: FanoutLoad,
  publisher: Publisher,
): Promise<Measurement> {
  const arrivals = new Arrivals(load.clients, STALL_MS);
  const identifier = identifierOf(target, STREAM);
  const fleet = new Fleet(
    { url: target.url, clients: load.clients, identifier: () => identifier },
    (client, sequence) => arrivals.received(client, sequence),
  );
  await fleet.connect(load.clients, STALL_MS);
  const meter = new Meter(target.pid);
  await meter.quiet();

  let figures: Record<string, number> = {};
  let failure: string | null = null;
  try {
    if (fleet.failed === 0) figures = await rounds(load, publisher, arrivals, meter);
  } catch (error) {
    failure = errorText(error);
  }
  await arrivals.linger();
  const loss = arrivals.checker.report();
  const failedClients = fleet.failed;
  fleet.close();
  return { figures, loss, failedClients, failure: fleet.firstFailure ?? failure };
}

async function rounds(
  load: FanoutLoad,
  publisher: Publisher,
  arrivals: Arrivals,
  meter: Meter,
): Promise<Record<string, number>> {
  const lastMs: number[] = [];
  let published = 0;
  let end = meter.start();
  for (let round = 1 - load.warmupRounds; round <= load.rounds; round++) {
    if (round === 1) end = meter.start();
    const body = publicationBody(STREAM, published + 1, load.batch);
    published += load.batch;
    arrivals.checker.sent(published);
    const startedMs = performance.now();
    const answered = publisher.publish(body);
    await arrivals.until(published * load.clients);
    if (round >= 1) lastMs.push(performance.now() - startedMs);
    await answered;
  }
  const { seconds, cpuSeconds } = end();
  const deliveries = load.rounds * load.batch * load.clients;
  return {
    deliveriesPerCpuSecond: deliveries / cpuSeconds,
    deliveriesPerSecond: deliveries / seconds,
    lastClientP50Ms: percentile(lastMs, 0.5),
    lastClientP95Ms: percentile(lastMs, 0.95),
    lastClientP99Ms: percentile(lastMs, 0.99),
    residentBytes: meter.residentBytes(),
  };
}
