const BUCKETS = 16;

/** Every index of due streams: one per bucket. */
export const INDEX_KEYS: readonly string[] = Array.from(
  { length: BUCKETS },
  (_, bucket) => `ac:{p${bucket}}:x`,
);

/**
 * Keys of one stream's presence, in the order in which scripts want them. The bucket keeps them and their index on one
 * server of a cluster, so that one script may touch them all. Source: spec "messaging", section 15.1.
 */
export function presenceKeys(stream: string): readonly string[] {
  const bucket = Bun.hash.crc32(stream) % BUCKETS;
  const names = ["z", "s", "c", "i"].map((kind) => `ac:{p${bucket}}:${kind}:${stream}`);
  return [...names, `ac:{p${bucket}}:x`];
}
