const decoder = new TextDecoder("utf-8", { fatal: true });
/** What stands between the values of repeated headers. */
const JOINT = ", ";
const BEYOND_ASCII = /[\u0080-\uffff]/;

/**
 * A header value as text. The runtime hands over its bytes as Latin-1 characters; clients write UTF-8. What is no
 * UTF-8 comes back with lone surrogates in place of the bad bytes: whoever sends it on can refuse or replace it.
 */
export function headerText(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  try {
    return decoder.decode(bytes);
  } catch {
    // No UTF-8, as promised above.
    return bytes.toString("utf8").replaceAll("\ufffd", "\udc80");
  }
}

/** The value of the first of repeated headers: the runtime joins them, and hides that it did. */
export function firstValue(value: string): string {
  const end = value.indexOf(JOINT);
  return end < 0 ? value : value.slice(0, end);
}

/** The value of the last of repeated headers. */
export function lastValue(value: string): string {
  const end = value.lastIndexOf(JOINT);
  return end < 0 ? value : value.slice(end + JOINT.length);
}
