/** A pending call; `cancel` after it ran does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as a dependency, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the UNIX epoch, with a fraction where the system has one. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now at the earliest. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}
