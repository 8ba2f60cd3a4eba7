import type { StateChange } from "../../messages/result.ts";

const EMPTY: ReadonlyMap<string, string> = new Map();
const NO_CHANNELS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();

/**
 * What the application keeps with a session: one map for the connection, one per subscription. Most sessions have
 * none of it, so maps are made on first use.
 */
export class ChannelStates {
  private cstate: Map<string, string> | null = null;
  private istate: Map<string, Map<string, string>> | null = null;

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
    this.cstate ??= new Map();
    merge(this.cstate, change);
  }

  mergeChannel(identifier: string, change: StateChange | null): void {
    if (change === null) return;
    this.istate ??= new Map();
    const state = this.istate.get(identifier) ?? new Map<string, string>();
    merge(state, change);
    this.istate.set(identifier, state);
  }

  dropChannel(identifier: string): void {
    this.istate?.delete(identifier);
  }
}

/** An empty value deletes the key, any other sets it. */
function merge(state: Map<string, string>, change: StateChange): void {
  for (const [key, value] of change) {
    if (value === "") state.delete(key);
    else state.set(key, value);
  }
}
