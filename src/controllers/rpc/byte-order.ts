/**
 * Order of two texts by their UTF-8 bytes, for `sort`. The language's own order is by UTF-16 units, where
 * surrogates (U+10000 and above) come before U+E000 to U+FFFF.
 */
export function byBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let index = 0; index < end; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rankOf(left) - rankOf(right);
  }
  return a.length - b.length;
}

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;
const UNITS = 0x10000;

function rankOf(unit: number): number {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE ? unit + UNITS : unit;
}
