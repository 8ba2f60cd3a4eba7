import { Fleet } from "../fleet.ts";
import { Meter, type Stretch } from "../meter.ts";
import { percentile } from "../percentile.ts";
import { type ConnectLoad, type Measurement, NO_LOSS, type Target } from "../scenario.ts";
import { identifierOf, STALL_MS } from "../target-identifier.ts";

interface Pass {
  readonly fleet: Fleet;
  readonly stretch: Stretch;
}

/**
 * Clients that connect, get their welcome, subscribe each to a stream of its own and get the confirmation.
 * Figures: `seconds` (first connect to last confirmation), `clientsPerCpuSecond`, `clientsPerSecond`, and with a settle time
 * `bytesPerClient`, `residentBytes` and `idleBytes` (before the first client). Excludes: leaving.
 */
export async function connectScenario(target: Target, load: ConnectLoad): Promise<Measurement> {
  const meter = new Meter(target.pid);
  const idleBytes = meter.residentBytes();
  const stretches: Stretch[] = [];
  for (let round = 1 - load.warmupRounds; ; round++) {
    const done = await pass(target, load);
    if (round >= 1) stretches.push(done.stretch);
    if (round < load.rounds && done.fleet.failed === 0) {
      await discard(done, meter);
      continue;
    }
    const residentBytes = await meter.lowestResidentBytes(load.settleMs);
    done.fleet.close();
    const figures = {
      ...rates(stretches, load.clients),
      ...memory(idleBytes, residentBytes, load),
    };
    return {
      figures: done.fleet.failed === 0 ? figures : {},
      loss: NO_LOSS,
      failedClients: done.fleet.failed,
      failure: done.fleet.firstFailure,
    };
  }
}

async function pass(target: Target, load: ConnectLoad): Promise<Pass> {
  const identifier = (index: number) => identifierOf(target, `own/${index}`);
  const fleet = new Fleet({ url: target.url, clients: load.clients, identifier }, () => {});
  const end = new Meter(target.pid).start();
  await fleet.connect(load.inFlight, STALL_MS);
  return { fleet, stretch: end() };
}

async function discard({ fleet }: Pass, meter: Meter): Promise<void> {
  fleet.close();
  await meter.quiet();
}

function rates(stretches: readonly Stretch[], clients: number): Record<string, number> {
  const seconds = percentile(
    stretches.map((stretch) => stretch.seconds),
    0.5,
  );
  const cpuSeconds = stretches.reduce((sum, stretch) => sum + stretch.cpuSeconds, 0);
  return {
    seconds,
    clientsPerSecond: clients / seconds,
    clientsPerCpuSecond: (clients * stretches.length) / cpuSeconds,
  };
}

function memory(idle: number, resident: number, load: ConnectLoad): Record<string, number> {
  const bytesPerClient = (resident - idle) / load.clients;
  return { idleBytes: idle, residentBytes: resident, bytesPerClient };
}
