import { errorText } from "../../../src/messages/server-error.ts";
import { Fleet } from "../fleet.ts";
import { Lanes, laneStream } from "../lanes.ts";
import { Meter } from "../meter.ts";
import { PipePublisher, type PipeVia } from "../pipe-publisher.ts";
import { Publisher } from "../publisher.ts";
import type { Measurement, PublishLoad, Target } from "../scenario.ts";
import { identifierOf, STALL_MS } from "../target-identifier.ts";

/** Publish requests per stream whose messages have not arrived: only where nothing else holds the sender back. */
const WINDOW = 4;
const LOOK_EVERY_MS = 20;
const LINGER_MS = 100;

/** Publishes to all lanes until stopped. */
interface Source {
  /** Resolves when nothing more will be sent. */
  stop(): Promise<void>;
}

/**
 * Publications as fast as they are taken, each to one of many streams with one client. Over HTTP every stream has a connection of
 * its own and the next request follows the answer; through Redis and NATS at most four requests per stream are under
 * way, counted from publishing to delivery.
 * Figures: `publicationsPerSecond` and `publicationsPerCpuSecond` (the server's own), counted at the clients; `residentBytes`.
 */
export async function publishScenario(target: Target, load: PublishLoad): Promise<Measurement> {
  const lanes = new Lanes(load.streams, load.batch);
  const fleet = new Fleet(
    {
      url: target.url,
      clients: load.streams,
      identifier: (index) => identifierOf(target, laneStream(index)),
    },
    (client, sequence) => lanes.received(client, sequence),
  );
  await fleet.connect(load.streams, STALL_MS);
  const failures: string[] = [];
  let figures: Record<string, number> = {};
  try {
    if (fleet.failed === 0) {
      const source = await start(target, load, lanes, (reason) => failures.push(reason));
      figures = await measure(target, load, lanes);
      await source.stop();
      await drain(lanes);
    }
  } catch (error) {
    failures.push(errorText(error));
  }
  const loss = lanes.report();
  const failedClients = fleet.failed;
  fleet.close();
  return { figures, loss, failedClients, failure: fleet.firstFailure ?? failures[0] ?? null };
}

function start(
  target: Target,
  load: PublishLoad,
  lanes: Lanes,
  onFailure: (reason: string) => void,
): Promise<Source> {
  const { via } = load;
  return via.kind === "http"
    ? startRequests(target, load, lanes)
    : startPipe(via, load, lanes, onFailure);
}

async function startRequests(target: Target, load: PublishLoad, lanes: Lanes): Promise<Source> {
  const options = { url: target.publishUrl, key: target.publishKey };
  let isStopped = false;
  const line = async (lane: number) => {
    const publisher = await Publisher.connect(options);
    while (!isStopped) await publisher.publish(lanes.next(lane));
    publisher.close();
  };
  const lines = Promise.all(Array.from({ length: load.streams }, (_, lane) => line(lane)));
  // Reported by `stop`, which is always called; until then a failure shows as silence.
  lines.catch(() => {});
  return {
    stop: async () => {
      isStopped = true;
      await lines;
    },
  };
}

async function startPipe(
  via: PipeVia,
  load: PublishLoad,
  lanes: Lanes,
  onFailure: (reason: string) => void,
): Promise<Source> {
  const publisher = await PipePublisher.connect(via, onFailure);
  const most = (WINDOW - 1) * load.batch;
  const fill = (lane: number) => {
    while (lanes.outstanding(lane) <= most) publisher.publish(lanes.next(lane));
  };
  lanes.onArrival = fill;
  for (let lane = 0; lane < load.streams; lane++) fill(lane);
  return {
    stop: async () => {
      lanes.onArrival = () => {};
      await drain(lanes);
      publisher.close();
    },
  };
}

async function measure(
  target: Target,
  load: PublishLoad,
  lanes: Lanes,
): Promise<Record<string, number>> {
  await Bun.sleep(load.warmupSeconds * 1000);
  const meter = new Meter(target.pid);
  const before = lanes.arrived;
  const end = meter.start();
  await Bun.sleep(load.seconds * 1000);
  const { seconds, cpuSeconds } = end();
  const publications = lanes.arrived - before;
  return {
    publicationsPerSecond: publications / seconds,
    publicationsPerCpuSecond: publications / cpuSeconds,
    residentBytes: meter.residentBytes(),
  };
}

/** Waits until everything has arrived, or nothing has for the stall time; then a little for what should not come. */
async function drain(lanes: Lanes): Promise<void> {
  let { arrived } = lanes;
  let silentSince = performance.now();
  while (!lanes.isComplete && performance.now() - silentSince < STALL_MS) {
    await Bun.sleep(LOOK_EVERY_MS);
    if (lanes.arrived === arrived) continue;
    arrived = lanes.arrived;
    silentSince = performance.now();
  }
  await Bun.sleep(LINGER_MS);
}
