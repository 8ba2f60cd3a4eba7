/**
 * How many connections a listener may hold. Beyond, newcomers wait in the order of their arrival, as they would in a
 * backlog; nobody is refused. One object per listener, so that threads can share it later.
 */
export class ConnectionSlots {
  private used = 0;
  /** Those who wait, in order; each is told whether it got a slot. */
  private waiting: ((isGranted: boolean) => void)[] = [];
  private isClosed = false;
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

  /** Waits for a slot. @returns false when the signal was aborted or the slots were closed first */
  acquire(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || this.isClosed) return Promise.resolve(false);
    if (this.tryAcquire()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (isGranted: boolean) => {
        signal.removeEventListener("abort", gaveUp);
        resolve(isGranted);
      };
      const gaveUp = () => {
        this.waiting.splice(this.waiting.indexOf(settle), 1);
        resolve(false);
      };
      this.waiting.push(settle);
      signal.addEventListener("abort", gaveUp, { once: true });
    });
  }

  /** Ends all waiting; nobody waits from now on. */
  close(): void {
    this.isClosed = true;
    const waiting = this.waiting;
    this.waiting = [];
    for (const settle of waiting) settle(false);
  }

  /** Gives a slot back, to the next who waits. */
  release(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.used--;
    else next(true);
  }
}
