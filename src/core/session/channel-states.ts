import type { StateChange } from "../../messages/result.ts";

const EMPTY: ReadonlyMap<string, string> = new Map();
const NO_CHANNELS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();

/**
 * What the application keeps with a session: one map for the connection, one per subscription. Most sessions have
 * none of it, so maps are made on first use.
 */
export class ChannelStates {
  private cstate: ReadonlyMap<string, string> | null = null;
  /** The maps may be shared with whoever brought them: never changed in place. */
  private istate: Map<string, ReadonlyMap<string, string>> | null = null;

  get connection(): ReadonlyMap<string, string> {
    return this.cstate ?? EMPTY;
  }

  get channels(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.istate ?? NO_CHANNELS;
  }

  /** @returns undefined when the channel has no such key */
  channelValue(identifier: string, key: string): string | undefined {
    return this.istate?.get(identifier)?.get(key);
  }

  mergeConnection(change: StateChange | null): void {
    if (change === null) return;
    this.cstate = merged(this.cstate ?? undefined, change);
  }

  mergeChannel(identifier: string, change: StateChange | null): void {
    if (change === null) return;
    this.istate ??= new Map();
    this.istate.set(identifier, merged(this.istate.get(identifier), change));
  }

  dropChannel(identifier: string): void {
    this.istate?.delete(identifier);
  }
}

/** An empty value deletes the key, any other sets it. */
function merged(
  state: ReadonlyMap<string, string> | undefined,
  change: StateChange,
): ReadonlyMap<string, string> {
  if (state === undefined && !hasDeletions(change)) return change;
  const result = new Map(state);
  for (const [key, value] of change) {
    if (value === "") result.delete(key);
    else result.set(key, value);
  }
  return result;
}

function hasDeletions(change: StateChange): boolean {
  for (const value of change.values()) if (value === "") return true;
  return false;
}
