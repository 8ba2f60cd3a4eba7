const ALPHABET = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const POOL_BYTES = 8192;

/** Length of a session id. */
export const SID_LENGTH = 21;

/** Makes ids of 6 bits per character that nobody can guess; randomness is drawn in large portions. */
export function createRandomId(): (length: number) => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return (length) => {
    if (used + length > POOL_BYTES) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    let id = "";
    for (let i = 0; i < length; i++) id += ALPHABET.charAt((pool[used + i] ?? 0) & 63);
    used += length;
    return id;
  };
}
