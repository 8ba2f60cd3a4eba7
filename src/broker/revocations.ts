import type { SessionSnapshot } from "../messages/snapshot.ts";
import type { Clock } from "../ports/clock.ts";

/** `ttlMs`: how long a session can be remembered after its last commit or touch. */
export interface RevocationsOptions {
  readonly ttlMs: number;
}

const MAX_KEPT = 100_000;
/** Clocks of nodes differ by less. Who authenticates within it after a revocation has to do so again when it returns. */
const MARGIN_MS = 5000;

/**
 * Who was sent away, and when, as this node has heard: what they had authenticated by then must not come back. A store that
 * several nodes share keeps the same times where all of them look. Kept as long as a remembered session can live.
 */
export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #clock: Clock;
  /** Milliseconds since the UNIX epoch by identifiers; oldest first. */
  readonly #times = new Map<string, number>();

  constructor(options: RevocationsOptions, deps: { readonly clock: Clock }) {
    this.#options = options;
    this.#clock = deps.clock;
  }

  /** How long a revocation must be kept: what was touched a moment after it included. */
  get lifeMs(): number {
    return 2 * this.#options.ttlMs + MARGIN_MS;
  }

  /** @returns the time of the revocation */
  add(identifiers: string): number {
    const nowMs = Math.floor(this.#clock.now());
    this.#dropOld(nowMs);
    this.#times.delete(identifiers);
    this.#times.set(identifiers, nowMs);
    return nowMs;
  }

  /** True when a session was revoked here, or at a time that another node has written down. */
  covers(snapshot: SessionSnapshot, sharedMs = 0): boolean {
    const revokedMs = Math.max(this.#times.get(snapshot.identifiers) ?? 0, sharedMs);
    return revokedMs > 0 && snapshot.authenticatedAtMs <= revokedMs + MARGIN_MS;
  }

  #dropOld(nowMs: number): void {
    for (const [identifiers, timeMs] of this.#times) {
      const isKept = timeMs + this.lifeMs > nowMs && this.#times.size < MAX_KEPT;
      if (isKept) return;
      this.#times.delete(identifiers);
    }
  }
}
