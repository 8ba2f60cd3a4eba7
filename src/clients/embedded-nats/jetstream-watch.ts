import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ListenAddress } from "./address.ts";
import { askJetStream } from "./raw-request.ts";
import type { ServerLogLine } from "./server-log.ts";

const ASK_EVERY_MS = 1000;
const ASK_TIMEOUT_MS = 1000;
const NEW_LEADER = /^JetStream cluster new metadata leader: (\S+)/;

/** What to ask, and how long. */
export interface WatchOptions {
  readonly address: ListenAddress;
  readonly inbox: string;
  readonly timeoutMs: number;
}

/** Waits in the background until JetStream answers, and says so at debug level; gives up silently. */
export class JetStreamWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | null = null;
  #leader = "";
  /** Grows with each start and stop: an answer to an earlier question is nobody's. */
  #round = 0;

  constructor(deps: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** What the server prints: it tells who leads the cluster. */
  heard({ text }: ServerLogLine): void {
    this.#leader = NEW_LEADER.exec(text)?.[1] ?? this.#leader;
  }

  /** Starts asking, in place of an earlier start. */
  start(options: WatchOptions): void {
    this.stop();
    const round = this.#round;
    const endsAt = this.#clock.now() + options.timeoutMs;
    const ask = async (): Promise<void> => {
      const inquiry = { address: options.address, timeoutMs: ASK_TIMEOUT_MS, clock: this.#clock };
      const isReady = await askJetStream(inquiry, options.inbox);
      if (round !== this.#round) return;
      if (isReady) this.#log.debug("JetStream cluster is ready", this.#attributes());
      else if (this.#clock.now() < endsAt) this.#timer = this.#clock.after(ASK_EVERY_MS, repeat);
    };
    const repeat = (): void => {
      // Not awaited: asking never rejects.
      void ask();
    };
    repeat();
  }

  stop(): void {
    this.#round += 1;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #attributes(): Record<string, string> {
    return this.#leader === "" ? {} : { leader: this.#leader };
  }
}
