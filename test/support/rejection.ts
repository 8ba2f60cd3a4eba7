/**
 * The text of the error a promise ends with. In place of `expect(…).rejects`, which runs the event loop
 * inside itself until the promise settles: concurrent tests then wait for each other, some for ever.
 * @throws when the promise is fulfilled
 */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("expected a rejection, the promise was fulfilled");
}
