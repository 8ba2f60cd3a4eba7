import { errorText } from "../../../src/messages/server-error.ts";
import { type Loss, sumLoss } from "../loss-checker.ts";
import { Meter, type Stretch } from "../meter.ts";
import { PresenceRoom } from "../presence-room.ts";
import type { Measurement, PresenceLoad, Target } from "../scenario.ts";

/** The stretches of one round; those without and with members only in the last one. */
interface Round {
  readonly idle: Stretch | null;
  readonly join: Stretch;
  readonly info: Stretch;
  readonly alive: Stretch | null;
}

/**
 * All clients of one stream join it at once, each under its own id, and everybody is told of everybody; then some ask
 * who is there; then they stay. Each round takes new clients and another stream.
 * Figures: `joinsPerCpuSecond` (telling all included), `infosPerCpuSecond`, `idleCpuMsPerSecond` before and
 * `aliveCpuMsPerSecond` behind the joins, `residentBytes`. Excludes: connecting, and the CPU time of the store's server.
 */
export async function presenceScenario(target: Target, load: PresenceLoad): Promise<Measurement> {
  const rounds: Round[] = [];
  const losses: Loss[] = [];
  let failedClients = 0;
  let failure: string | null = null;
  for (let round = 1 - load.warmupRounds; round <= load.rounds && failure === null; round++) {
    const room = new PresenceRoom(target, load.members, `room/${round + load.warmupRounds}`);
    try {
      const stretches = await visit(room, load, round === load.rounds);
      if (round >= 1) rounds.push(stretches);
    } catch (error) {
      failure = errorText(error);
    }
    losses.push(room.loss);
    failedClients += room.failedClients;
    failure = room.firstFailure ?? failure;
    room.close();
  }
  return { figures: figures(target, load, rounds), loss: sumLoss(losses), failedClients, failure };
}

async function visit(room: PresenceRoom, load: PresenceLoad, isLast: boolean): Promise<Round> {
  await room.enter();
  const idle = isLast ? await room.watch(load.aliveSeconds) : null;
  const join = await room.join();
  const info = await room.ask(load.questions);
  const alive = isLast ? await room.watch(load.aliveSeconds) : null;
  return { idle, join, info, alive };
}

function figures(
  target: Target,
  load: PresenceLoad,
  rounds: readonly Round[],
): Record<string, number> {
  const cpu = (stretch: keyof Round) =>
    rounds.reduce((sum, round) => sum + (round[stretch]?.cpuSeconds ?? 0), 0);
  return {
    joinsPerCpuSecond: (load.members * rounds.length) / cpu("join"),
    infosPerCpuSecond: (load.questions * rounds.length) / cpu("info"),
    idleCpuMsPerSecond: (cpu("idle") * 1000) / load.aliveSeconds,
    aliveCpuMsPerSecond: (cpu("alive") * 1000) / load.aliveSeconds,
    residentBytes: new Meter(target.pid).residentBytes(),
  };
}
