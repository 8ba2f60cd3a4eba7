import { errorText, ServerError } from "../../../src/messages/server-error.ts";
import { Arrivals } from "../arrivals.ts";
import { Fleet } from "../fleet.ts";
import type { Loss } from "../loss-checker.ts";
import { Meter, type Stretch } from "../meter.ts";
import { percentile } from "../percentile.ts";
import { Positions } from "../positions.ts";
import { publicationBody } from "../publication-body.ts";
import type { Publisher } from "../publisher.ts";
import type { Measurement, ReplayLoad, Target } from "../scenario.ts";
import { identifierOf, STALL_MS } from "../target-identifier.ts";

const STREAM = "replay";
const PROTOCOL = "actioncable-v1-ext-json";
const LETTER_T = 116;

/**
 * Clients of one stream, each with its position, drop at once; messages pass; all return at once, each giving its
 * position with the subscribe command. A client is whole when the history is confirmed behind exactly the messages
 * it missed.
 * Figures, of the median round: `wholeP50Ms`, `wholeP99Ms` (over clients: first connect to confirmed history), `lastWholeMs`;
 * `deliveriesPerCpuSecond` (coming back included), `peakBytes`, `residentBytes`, and of the last round, with messages
 * published meanwhile, `overlapDoubled`: messages that came both live and as history, which clients drop by offset.
 */
export async function replayScenario(
  target: Target,
  load: ReplayLoad,
  publisher: Publisher,
): Promise<Measurement> {
  const run = new ReplayRun(target, load, publisher);
  let figures: Record<string, number> = {};
  let failure: string | null = null;
  try {
    await run.begin();
    figures = await run.measure();
    figures["overlapDoubled"] = await run.overlap();
  } catch (error) {
    failure = errorText(error);
  }
  const { loss, failedClients, firstFailure } = run.end();
  return { figures, loss, failedClients, failure: firstFailure ?? failure };
}

class ReplayRun {
  readonly #target: Target;
  readonly #load: ReplayLoad;
  readonly #publisher: Publisher;
  readonly #arrivals: Arrivals;
  readonly #positions: Positions;
  readonly #meter: Meter;
  /** When each client got its history confirmed, in this round. */
  readonly #wholeMs: Float64Array;
  #fleet: Fleet | null = null;
  #confirmed = 0;
  #published = 0;
  /** The last message clients missed: history is confirmed behind it, not before. */
  #owed = 0;
  #allowedDoubles = 0;

  constructor(target: Target, load: ReplayLoad, publisher: Publisher) {
    this.#target = target;
    this.#load = load;
    this.#publisher = publisher;
    this.#arrivals = new Arrivals(load.clients, STALL_MS);
    this.#positions = new Positions(STREAM, load.clients);
    this.#meter = new Meter(target.pid);
    this.#wholeMs = new Float64Array(load.clients);
  }

  /** All clients come for the first time and see one message: from now on they know their position. */
  async begin(): Promise<void> {
    await this.#connect(() => ({}));
    await this.#publish(1);
    await this.#complete();
  }

  async measure(): Promise<Record<string, number>> {
    const { clients, missed, rounds, warmupRounds } = this.#load;
    const whole: Float64Array[] = [];
    const stretches: Stretch[] = [];
    for (let round = 1 - warmupRounds; round <= rounds; round++) {
      await this.#dropAndMiss();
      const stretch = await this.#comeBack();
      if (round < 1) continue;
      whole.push(this.#wholeMs.slice());
      stretches.push(stretch);
    }
    const medianRound = (share: number) =>
      percentile(
        whole.map((times) => percentile(times, share)),
        0.5,
      );
    const cpuSeconds = stretches.reduce((sum, stretch) => sum + stretch.cpuSeconds, 0);
    return {
      wholeP50Ms: medianRound(0.5),
      wholeP99Ms: medianRound(0.99),
      lastWholeMs: medianRound(1),
      deliveriesPerCpuSecond: (clients * missed * rounds) / cpuSeconds,
      peakBytes: this.#meter.peakBytes(),
      residentBytes: this.#meter.residentBytes(),
    };
  }

  /** One more return while messages are published. @returns messages that came twice */
  async overlap(): Promise<number> {
    await this.#dropAndMiss();
    await this.#arrivals.linger();
    const { doubled } = this.#arrivals.checker.report();
    await Promise.all([this.#comeBack(), this.#publishMeanwhile()]);
    await this.#complete();
    await this.#arrivals.linger();
    this.#allowedDoubles = this.#arrivals.checker.report().doubled - doubled;
    return this.#allowedDoubles;
  }

  end() {
    const report = this.#arrivals.checker.report();
    const loss: Loss = { ...report, doubled: report.doubled - this.#allowedDoubles };
    const failedClients = this.#fleet?.failed ?? 0;
    const firstFailure = this.#fleet?.firstFailure ?? null;
    this.#fleet?.close();
    return { loss, failedClients, firstFailure };
  }

  async #dropAndMiss(): Promise<void> {
    this.#fleet?.close();
    await this.#meter.quiet();
    await this.#publish(this.#load.missed);
    await this.#meter.quiet();
  }

  async #comeBack(): Promise<Stretch> {
    this.#confirmed = 0;
    this.#owed = this.#published;
    const end = this.#meter.start();
    const startedMs = performance.now();
    await this.#connect((client) => this.#positions.history(client));
    await this.#complete();
    await this.#allConfirmed();
    const stretch = end();
    for (const [client, ms] of this.#wholeMs.entries()) this.#wholeMs[client] = ms - startedMs;
    return stretch;
  }

  /** @throws {ServerError} `clients_failed` when not all of them get in */
  async #connect(subscribeWith: (client: number) => object): Promise<void> {
    const { clients } = this.#load;
    const identifier = identifierOf(this.#target, STREAM);
    this.#fleet = new Fleet(
      {
        url: this.#target.url,
        clients,
        protocol: PROTOCOL,
        identifier: () => identifier,
        subscribeWith,
        onFrame: (...frame) => this.#read(...frame),
      },
      (client, sequence) => this.#arrivals.received(client, sequence),
    );
    await this.#fleet.connect(clients, STALL_MS);
    if (this.#fleet.failed > 0) {
      throw new ServerError("clients_failed", `${this.#fleet.failed} clients did not get in`);
    }
  }

  async #publishMeanwhile(): Promise<void> {
    for (let i = 0; i < this.#load.overlap; i++) await this.#publish(1);
  }

  async #publish(count: number): Promise<void> {
    const body = publicationBody(STREAM, this.#published + 1, count);
    this.#published += count;
    this.#arrivals.checker.sent(this.#published);
    await this.#publisher.publish(body);
  }

  #complete(): Promise<void> {
    return this.#arrivals.until(this.#published * this.#load.clients);
  }

  /** The confirmation follows the last message: mostly it is there already. */
  async #allConfirmed(): Promise<void> {
    const endMs = performance.now() + STALL_MS;
    while (this.#confirmed < this.#load.clients) {
      if (performance.now() > endMs) {
        const missing = this.#load.clients - this.#confirmed;
        throw new ServerError("history_unconfirmed", `${missing} histories were not confirmed`);
      }
      await Bun.sleep(1);
    }
  }

  /** Only what is no message has its type in front. */
  #read(client: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes[start + 2] !== LETTER_T) {
      this.#positions.seen(client, bytes, start, end);
      return false;
    }
    const text = Buffer.from(bytes.subarray(start, end)).toString();
    if (text.startsWith('{"type":"confirm_history"')) {
      if (this.#arrivals.checker.last(client) < this.#owed) {
        throw new ServerError("confirmed_too_early", `${text} before the messages`);
      }
      this.#confirmed++;
      this.#wholeMs[client] = performance.now();
    } else if (text.startsWith('{"type":"reject_history"')) {
      throw new ServerError("client_refused", text);
    }
    return true;
  }
}
