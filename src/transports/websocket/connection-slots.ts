/**
 * How many connections a listener may hold. Beyond, newcomers wait in the order of their arrival, as they would in a
 * backlog; nobody is refused. One object per listener, so that threads can share it later.
 */
export class ConnectionSlots {
  private used = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly max: number;

  /** @param max 0 for no limit */
  constructor(max: number) {
    this.max = max;
  }

  /** Takes a slot if there is one. */
  tryAcquire(): boolean {
    if (this.max > 0 && this.used >= this.max) return false;
    this.used++;
    return true;
  }

  /** Waits for a slot. @returns false when the signal was aborted first */
  acquire(signal: AbortSignal): Promise<boolean> {
    if (this.tryAcquire()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const granted = () => {
        signal.removeEventListener("abort", gaveUp);
        resolve(true);
      };
      const gaveUp = () => {
        this.waiting.splice(this.waiting.indexOf(granted), 1);
        resolve(false);
      };
      this.waiting.push(granted);
      signal.addEventListener("abort", gaveUp, { once: true });
    });
  }

  /** Gives a slot back, to the next who waits. */
  release(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.used--;
    else next();
  }
}
