/**
 * Values of a transaction's answers.
 * @param answers as ioredis gives them; null when the transaction did not take place
 * @throws the first error among them
 */
export function unwrapAnswers(
  answers: readonly [error: Error | null, value: unknown][] | null,
): readonly unknown[] {
  return (answers ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
