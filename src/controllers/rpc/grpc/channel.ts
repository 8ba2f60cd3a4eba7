import type { Clock, Timer } from "../../../ports/clock.ts";
import type { Log } from "../../../ports/log.ts";
import type { Connection, ConnectionOwner } from "./connection.ts";
import { type Exchange, unavailable } from "./exchange.ts";
import { Resolution } from "./resolution.ts";
import type { Resolver } from "./resolver.ts";
import { Subchannel } from "./subchannel.ts";
import type { Address } from "./target.ts";

/** As in gRPC's connectivity semantics; a failure lasts until a connection is ready again. */
export type ChannelState = "idle" | "connecting" | "ready" | "transient_failure" | "shutdown";

export interface ChannelOptions {
  /** Time without calls after which all connections close until the next call. */
  readonly idleTimeoutMs: number;
}

export interface ChannelDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly createConnection: (address: Address, owner: ConnectionOwner) => Connection;
}

/**
 * The one logical connection to the application: every address of the target, calls in turn over those
 * that are ready. Calls wait while addresses are looked up or connected to and fail as unavailable when all
 * have failed. What waits is bounded by the permits of the caller. Source: spec "rpc", section 6.
 */
export class Channel {
  private readonly options: ChannelOptions;
  private readonly deps: ChannelDeps;
  private readonly subchannels = new Map<string, Subchannel>();
  private readonly leaving = new Set<Subchannel>();
  private ready: readonly Connection[] = [];
  private waiting: Exchange[] = [];
  private resolution: Resolution | null = null;
  private resolutionFailure = "";
  private next: number;
  private idleTimer: Timer | null = null;
  private lastCallMs = 0;
  private isClosed = false;

  constructor(options: ChannelOptions, deps: ChannelDeps) {
    this.options = options;
    this.deps = deps;
    this.next = Math.floor(deps.random() * 1000);
  }

  get state(): ChannelState {
    if (this.isClosed) return "shutdown";
    if (this.resolution === null) return "idle";
    if (this.ready.length > 0) return "ready";
    const all = [...this.subchannels.values()];
    if (all.some((subchannel) => subchannel.isConnecting && !subchannel.hasFailed)) {
      return "connecting";
    }
    const hasFailed = all.length > 0 || this.resolutionFailure !== "";
    return hasFailed ? "transient_failure" : "connecting";
  }

  /** Why nothing can be reached; empty when nothing has failed. */
  get lastError(): string {
    const failures = [...this.subchannels.values()].map(({ lastError }) => lastError);
    return failures.findLast((failure) => failure !== "") ?? this.resolutionFailure;
  }

  /** Sockets in use. */
  get openConnections(): number {
    let total = 0;
    for (const subchannel of this.subchannels.values()) total += subchannel.openConnections;
    for (const subchannel of this.leaving) total += subchannel.openConnections;
    return total;
  }

  /** Carries the call out; how it ends is in `exchange.answer`. */
  send(exchange: Exchange): void {
    this.lastCallMs = this.deps.clock.now();
    this.dispatch(exchange);
  }

  /** Connects and looks up at once where it would wait for the next attempt. */
  resetBackoff(): void {
    this.resolution?.resetBackoff();
    for (const subchannel of this.subchannels.values()) subchannel.resetBackoff();
  }

  /** Closes every connection; calls that run or wait fail. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.idleTimer?.cancel();
    this.disconnect("grpc connection is closed");
    for (const subchannel of this.leaving) subchannel.close("grpc connection is closed");
    this.failWaiting("grpc connection is closed");
  }

  private dispatch(exchange: Exchange): void {
    const { ready } = this;
    if (ready.length > 0) {
      this.next = (this.next + 1) % ready.length;
      ready[this.next]?.send(exchange);
      return;
    }
    if (this.isClosed) {
      exchange.fail(unavailable("grpc connection is closed"));
      return;
    }
    if (this.resolution === null) this.wake();
    this.waiting.push(exchange);
    this.failIfHopeless();
  }

  /** Leaves the idle state. */
  private wake(): void {
    this.resolutionFailure = "";
    this.resolution = new Resolution({
      clock: this.deps.clock,
      random: this.deps.random,
      resolver: this.deps.resolver,
      resolved: (addresses) => this.resolved(addresses),
      failed: (reason) => this.resolutionFailed(reason),
    });
    this.resolution.request();
    this.watchIdleness(this.options.idleTimeoutMs);
  }

  private watchIdleness(delayMs: number): void {
    this.idleTimer = this.deps.clock.after(delayMs, () => {
      const leftMs = this.lastCallMs + this.options.idleTimeoutMs - this.deps.clock.now();
      if (leftMs > 0) this.watchIdleness(leftMs);
      else this.disconnect("channel is idle");
    });
  }

  /** Back to the idle state. */
  private disconnect(reason: string): void {
    this.resolution?.close();
    this.resolution = null;
    const all = [...this.subchannels.values()];
    this.subchannels.clear();
    this.ready = [];
    for (const subchannel of all) subchannel.close(reason);
  }

  private resolved(addresses: readonly Address[]): void {
    this.resolutionFailure = "";
    const wanted = new Map(addresses.map((address) => [keyOf(address), address]));
    for (const [key, subchannel] of [...this.subchannels]) {
      if (!wanted.has(key)) this.remove(key, subchannel);
    }
    for (const [key, address] of wanted) {
      if (!this.subchannels.has(key)) this.add(key, address);
    }
    this.update();
  }

  private resolutionFailed(reason: string): void {
    this.resolutionFailure = reason;
    this.failIfHopeless();
  }

  private add(key: string, address: Address): void {
    const { clock, random, createConnection } = this.deps;
    const subchannel = new Subchannel({
      clock,
      random,
      createConnection: (owner) => createConnection(address, owner),
      owner: {
        changed: (changed) => this.changed(key, changed),
        troubled: (_, reason) => this.troubled(key, reason),
        returned: (exchange) => this.dispatch(exchange),
      },
    });
    this.subchannels.set(key, subchannel);
    subchannel.connect();
  }

  private remove(key: string, subchannel: Subchannel): void {
    this.subchannels.delete(key);
    this.leaving.add(subchannel);
    // not among the ready ones any more when it hands its waiting calls back
    this.update();
    subchannel.drain();
    this.changed(key, subchannel);
  }

  private changed(key: string, subchannel: Subchannel): void {
    if (this.leaving.has(subchannel) && subchannel.openConnections === 0) {
      this.leaving.delete(subchannel);
    }
    if (this.subchannels.get(key) === subchannel && subchannel.connection !== null) {
      this.deps.log.debug("connected", { addr: key });
    }
    this.update();
  }

  private troubled(key: string, reason: string): void {
    this.deps.log.debug("disconnected", { addr: key, error: reason });
    this.resolution?.request();
  }

  private update(): void {
    const ready: Connection[] = [];
    for (const { connection } of this.subchannels.values()) {
      if (connection !== null) ready.push(connection);
    }
    this.ready = ready;
    if (ready.length > 0) this.sendWaiting();
    else this.failIfHopeless();
  }

  private sendWaiting(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const exchange of waiting) if (!exchange.isSettled) this.dispatch(exchange);
  }

  /** Waiting makes sense only while something may still come. */
  private failIfHopeless(): void {
    if (this.waiting.length === 0 || this.ready.length > 0) return;
    const all = [...this.subchannels.values()];
    if (all.some((subchannel) => subchannel.isConnecting)) return;
    if (this.lastError !== "") this.failWaiting(this.lastError);
  }

  private failWaiting(reason: string): void {
    const { waiting } = this;
    this.waiting = [];
    for (const exchange of waiting) exchange.fail(unavailable(reason));
  }
}

/** The address as it is shown in logs; equal for equal addresses. */
function keyOf({ endpoint, authority }: Address): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path.replace("\0", "@")}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  const place = `${host}:${endpoint.port}`;
  return authority === place ? place : `${place} (${authority})`;
}
