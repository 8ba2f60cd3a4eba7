import { errorText, ServerError } from "../messages/server-error.ts";
import type { Log } from "../ports/log.ts";

/** The part of a connection that channels need. All methods reject with a ServerError. */
export interface ChannelConnection {
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
}

interface Channel {
  readonly name: string;
  /** How often it is wanted. */
  count: number;
  /** SUBSCRIBE was sent on the present connection. */
  isSent: boolean;
  isConfirmed: boolean;
  /** Callers that wait for the confirmation; they are counted above. */
  waiters: PromiseWithResolvers<void>[];
  /** How many of them waited already when patience was last limited. */
  oldWaiters: number;
  /** Callers that wait until it is left. */
  leavers: (() => void)[];
}

const CHUNK = 256;

/**
 * Which channels this node wants, and what the server knows of it. Changes of one event-loop turn go out together, in
 * commands of at most 256 channels. Nothing is sent without a connection; the next one gets it all.
 */
export class RedisChannels {
  /** The channel that is never left, whoever asks. */
  readonly #reserved: string;
  readonly #log: Log;
  readonly #channels = new Map<string, Channel>();
  #changed = new Set<Channel>();
  #connection: ChannelConnection | null = null;
  /** True while callers of `acquire` may wait for a connection. */
  #isPatient = true;
  #isScheduled = false;

  constructor(reserved: string, deps: { readonly log: Log }) {
    this.#reserved = reserved;
    this.#log = deps.log;
    this.#open(reserved).count = 1;
  }

  /** Channels wanted, the reserved one included. */
  get size(): number {
    return this.#channels.size;
  }

  /**
   * Subscribes to everything on a fresh connection.
   * @returns when the server has confirmed the reserved channel; rejects when it refuses it
   */
  async attach(connection: ChannelConnection): Promise<void> {
    this.#connection = connection;
    this.#isPatient = true;
    const reserved = this.#open(this.#reserved);
    const confirmed = this.#confirmation(reserved);
    this.#changed = new Set([reserved, ...this.#channels.values()]);
    this.#flush();
    await confirmed;
  }

  /** The connection is gone: everything has to be subscribed to again. Callers go on waiting, see `runOutOfPatience`. */
  detach(): void {
    this.#connection = null;
    for (const channel of this.#channels.values()) {
      channel.isSent = false;
      channel.isConfirmed = false;
      if (channel.count === 0) this.#left(channel);
    }
    this.#changed.clear();
  }

  /** Lets callers go on without a confirmation, until there is a connection again: they are recorded. */
  runOutOfPatience(): void {
    if (this.#connection !== null) return;
    this.#isPatient = false;
    for (const channel of this.#channels.values()) {
      for (const waiter of takeWaiters(channel)) waiter.resolve();
    }
  }

  /**
   * For a server that is there and does not answer: lets go on who waited already at the last call. To be called as long
   * as it answers true: somebody still waits.
   */
  limitWaits(): boolean {
    let isAnyWaiting = false;
    for (const channel of this.#channels.values()) {
      if (channel.name === this.#reserved) continue;
      for (const waiter of channel.waiters.splice(0, channel.oldWaiters)) waiter.resolve();
      channel.oldWaiters = channel.waiters.length;
      isAnyWaiting ||= channel.oldWaiters > 0;
    }
    return isAnyWaiting;
  }

  /** @throws {ServerError} `subscribe_failed` when the server refuses the channel; it is not counted then */
  acquire(name: string): Promise<void> {
    const channel = this.#open(name);
    channel.count += 1;
    if (channel.isConfirmed) return Promise.resolve();
    if (this.#connection === null && !this.#isPatient) return Promise.resolve();
    this.#change(channel);
    return this.#confirmation(channel);
  }

  /** Resolves when messages no longer arrive; at once when somebody else still wants the channel. */
  release(name: string): Promise<void> {
    const channel = this.#channels.get(name);
    const least = name === this.#reserved ? 1 : 0;
    if (channel === undefined || channel.count <= least) return Promise.resolve();
    channel.count -= 1;
    if (channel.count > 0) return Promise.resolve();
    if (this.#connection === null) {
      this.#left(channel);
      return Promise.resolve();
    }
    this.#change(channel);
    return new Promise((resolve) => channel.leavers.push(resolve));
  }

  #open(name: string): Channel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const fresh = { isSent: false, isConfirmed: false, waiters: [], oldWaiters: 0, leavers: [] };
    const channel: Channel = { name, count: 0, ...fresh };
    this.#channels.set(name, channel);
    return channel;
  }

  #confirmation(channel: Channel): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    channel.waiters.push(waiter);
    return waiter.promise;
  }

  #change(channel: Channel): void {
    this.#changed.add(channel);
    if (this.#isScheduled || this.#connection === null) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const connection = this.#connection;
    if (connection === null) return;
    const wanted: Channel[] = [];
    const unwanted: Channel[] = [];
    for (const channel of this.#changed) {
      if (channel.count > 0 && !channel.isSent) wanted.push(channel);
      else if (channel.count === 0) unwanted.push(channel);
      if (channel.count > 0) for (const leave of channel.leavers.splice(0)) leave();
    }
    this.#changed.clear();
    for (const channel of wanted) channel.isSent = true;
    // From here on the name stands for a new channel: SUBSCRIBE follows UNSUBSCRIBE on the same connection.
    for (const channel of unwanted) this.#channels.delete(channel.name);
    const sent = unwanted.filter(({ isSent }) => isSent);
    for (const channel of unwanted) if (!channel.isSent) this.#left(channel);
    // Both report for themselves: refusals to their callers, a lost connection to the link.
    for (const chunk of chunks(sent)) void this.#unsubscribe(connection, chunk);
    for (const chunk of chunks(wanted)) void this.#subscribe(connection, chunk);
  }

  async #subscribe(connection: ChannelConnection, chunk: readonly Channel[]): Promise<void> {
    try {
      await connection.subscribe(chunk.map(({ name }) => name));
    } catch (error) {
      for (const channel of chunk) if (channel.count === 0) this.#left(channel);
      if (this.#connection !== connection || !isRefusal(error)) return;
      const [only] = chunk;
      if (only !== undefined && chunk.length === 1) this.#refuse(only, error);
      // The server refuses a command whole: find out which of its channels it means.
      else await Promise.all(chunk.map((channel) => this.#subscribe(connection, [channel])));
      return;
    }
    if (this.#connection !== connection) return;
    for (const channel of chunk) {
      channel.isConfirmed = true;
      for (const waiter of takeWaiters(channel)) waiter.resolve();
    }
  }

  async #unsubscribe(connection: ChannelConnection, chunk: readonly Channel[]): Promise<void> {
    try {
      await connection.unsubscribe(chunk.map(({ name }) => name));
    } catch (error) {
      this.#log.debug("failed to unsubscribe", { error: errorText(error) });
    }
    for (const channel of chunk) for (const leave of channel.leavers.splice(0)) leave();
  }

  /** Those who wait are told and not counted; those who had it before keep their claim for the next connection. */
  #refuse(channel: Channel, cause: unknown): void {
    const text = `cannot subscribe to ${channel.name}: ${errorText(cause)}`;
    const waiters = takeWaiters(channel);
    if (channel.name !== this.#reserved) {
      channel.isSent = false;
      channel.count -= waiters.length;
      if (channel.count <= 0) this.#left(channel);
      else this.#log.error("failed to subscribe again", { stream: channel.name, error: text });
    }
    const failure = new ServerError("subscribe_failed", text, { cause });
    for (const waiter of waiters) waiter.reject(failure);
  }

  /** Nobody wants it any more: whoever still waits for it, in either direction, need not. */
  #left(channel: Channel): void {
    if (this.#channels.get(channel.name) === channel) this.#channels.delete(channel.name);
    for (const waiter of takeWaiters(channel)) waiter.resolve();
    for (const leave of channel.leavers.splice(0)) leave();
  }
}

function takeWaiters(channel: Channel): readonly PromiseWithResolvers<void>[] {
  channel.oldWaiters = 0;
  return channel.waiters.splice(0);
}

function isRefusal(error: unknown): boolean {
  return error instanceof ServerError && error.code === "redis_reply";
}

function* chunks(channels: readonly Channel[]): Iterable<readonly Channel[]> {
  for (let start = 0; start < channels.length; start += CHUNK) {
    yield channels.slice(start, start + CHUNK);
  }
}
