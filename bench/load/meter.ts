import { readAccount } from "../servers/process-account.ts";

/** What one measured stretch took. */
export interface Stretch {
  readonly seconds: number;
  /** CPU time of the server and its children; NaN when the server's process is out of reach. */
  readonly cpuSeconds: number;
}

const LOOK_EVERY_MS = 100;
const QUIET_LOOKS = 3;
const QUIET_TICKS_CPU_SECONDS = 0.02;
const QUIET_LIMIT_MS = 3_000;

/** Clock and process account of one server. */
export class Meter {
  readonly #pid: number | null;

  constructor(pid: number | null) {
    this.#pid = pid;
  }

  /** Starts a stretch; the returned function ends it, and may be called once per stretch of interest. */
  start(): () => Stretch {
    const cpuSeconds = this.#cpuSeconds();
    const startedMs = performance.now();
    return () => ({
      seconds: (performance.now() - startedMs) / 1000,
      cpuSeconds: this.#cpuSeconds() - cpuSeconds,
    });
  }

  /** Resident bytes of the server and its children now; NaN when out of reach. */
  residentBytes(): number {
    return this.#pid === null ? Number.NaN : readAccount(this.#pid).residentBytes;
  }

  /** The most the server itself has ever had resident; NaN when out of reach. */
  peakBytes(): number {
    return this.#pid === null ? Number.NaN : readAccount(this.#pid).peakBytes;
  }

  /** The lowest resident memory seen within `forMs`. */
  async lowestResidentBytes(forMs: number): Promise<number> {
    const endMs = performance.now() + forMs;
    let lowest = this.residentBytes();
    while (performance.now() < endMs) {
      await Bun.sleep(LOOK_EVERY_MS);
      lowest = Math.min(lowest, this.residentBytes());
    }
    return lowest;
  }

  /** Waits until the server has been nearly idle for a moment, at most some seconds. */
  async quiet(): Promise<void> {
    const endMs = performance.now() + QUIET_LIMIT_MS;
    let quietLooks = 0;
    while (quietLooks < QUIET_LOOKS && performance.now() < endMs) {
      const end = this.start();
      await Bun.sleep(LOOK_EVERY_MS);
      const isBusy = end().cpuSeconds > QUIET_TICKS_CPU_SECONDS;
      quietLooks = isBusy ? 0 : quietLooks + 1;
    }
  }

  #cpuSeconds(): number {
    return this.#pid === null ? Number.NaN : readAccount(this.#pid).cpuSeconds;
  }
}
