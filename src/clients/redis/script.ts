import { createHash } from "node:crypto";

/** A Lua script and the name under which servers know it. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/** Names a script as `EVALSHA` wants it. */
export function createScript(text: string): RedisScript {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
