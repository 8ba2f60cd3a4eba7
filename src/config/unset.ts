import type { OpenOptions } from "./option-set.ts";
import type { OptionKey, Options, OptionValue } from "./option-table.ts";

/** What keeps an option empty that would otherwise be filled from elsewhere. */
const NOTHING: ReadonlyMap<OptionKey, OptionValue> = new Map<OptionKey, OptionValue>([
  ["streams.secret", "none"],
  ["jwt.secret", "none"],
  ["pusher.secret", "none"],
  ["rpc.secret", "none"],
  ["rpc.command_timeout", 0],
]);

/**
 * The options that are to stay empty or zero, where a printed file can show that in no other way.
 * @param options resolved ones
 */
export function unsetKeys(options: OpenOptions): readonly OptionKey[] {
  return [...NOTHING.keys()].filter((key) => isUnset(options, key));
}

/** Keeps the options on the file's list empty, unless the file itself has a value. Changes `layer`. */
export function applyUnset(layer: Map<OptionKey, OptionValue>): void {
  const listed = layer.get("unset");
  if (!Array.isArray(listed)) return;
  for (const [key, nothing] of NOTHING) {
    if (listed.some((name) => name === key) && !layer.get(key)) layer.set(key, nothing);
  }
}

function isUnset(options: Options, key: OptionKey): boolean {
  if (key === "rpc.command_timeout") return options[key] === 0;
  // The one that resolving leaves as it was given.
  if (key === "rpc.secret") return options[key] === "none";
  return options.secret !== "" && options[key] === "";
}
