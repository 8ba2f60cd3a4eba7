const TEXT = "The quick brown fox jumps over the lazy dog, and then some more.";

/**
 * The body of one publish request with `count` messages numbered from `first`: an object, or an array for more
 * than one. Each message carries 64 characters of text beside its number.
 */
export function publicationBody(stream: string, first: number, count: number): string {
  const publications = Array.from({ length: count }, (_, i) => ({
    stream,
    data: JSON.stringify({ seq: first + i, text: TEXT }),
  }));
  return JSON.stringify(count === 1 ? publications[0] : publications);
}
