/** Waits until a condition holds, looking every few milliseconds; rejects with `what` after `limitMs`. For states of other processes only: nothing tells when they change. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`not within ${limitMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await Bun.sleep(5);
  }
}
