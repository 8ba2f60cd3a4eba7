const LIMIT_BYTES = 100;

/**
 * A value as logs show it: its first 100 bytes of UTF-8, then how many bytes are left.
 * A character that does not fit whole is left out; bytes that are no UTF-8 show as U+FFFD.
 *
 *     {"command":"message",…}...(212)
 *
 * Source: spec "observability", section 6.1.
 */
export function truncate(value: string | Uint8Array): string {
  return typeof value === "string" ? truncateText(value) : truncateBytes(value);
}

function truncateText(text: string): string {
  // No UTF-16 unit takes more than three bytes: most values need no counting.
  if (text.length * 3 <= LIMIT_BYTES) return text;
  const totalBytes = Buffer.byteLength(text);
  if (totalBytes <= LIMIT_BYTES) return text;

  let units = 0;
  let bytes = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    if (bytes + size > LIMIT_BYTES) break;
    bytes += size;
    units += character.length;
  }
  return `${text.slice(0, units)}...(${totalBytes - bytes})`;
}

function truncateBytes(value: Uint8Array): string {
  const start = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, LIMIT_BYTES));
  if (value.length <= LIMIT_BYTES) return start.toString();
  return `${start.toString()}...(${value.length - LIMIT_BYTES})`;
}
