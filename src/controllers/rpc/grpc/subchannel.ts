import type { Clock, Timer } from "../../../ports/clock.ts";
import { Backoff, GRPC_BACKOFF } from "./backoff.ts";
import type { Connection, ConnectionOwner } from "./connection.ts";
import type { Exchange } from "./exchange.ts";

/** What a subchannel tells its channel. */
export interface SubchannelOwner {
  /** `connection` or the states changed. */
  changed(subchannel: Subchannel): void;
  /** A connection was lost or could not be made: the address may be out of date. */
  troubled(subchannel: Subchannel, reason: string): void;
  returned(exchange: Exchange): void;
}

export interface SubchannelDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly createConnection: (owner: ConnectionOwner) => Connection;
  readonly owner: SubchannelOwner;
}

const MIN_CONNECT_INTERVAL_MS = 100;

/** One address of a channel: keeps a connection to it, the next one after a growing delay when it fails. */
export class Subchannel implements ConnectionOwner {
  private readonly deps: SubchannelDeps;
  private readonly backoff: Backoff;
  private readonly drained = new Set<Connection>();
  private current: Connection | null = null;
  private timer: Timer | null = null;
  private isClosed = false;
  private isReplacing = false;
  private startedMs = Number.NEGATIVE_INFINITY;
  private failed = false;
  private failure = "";

  constructor(deps: SubchannelDeps) {
    this.deps = deps;
    this.backoff = new Backoff(GRPC_BACKOFF, deps.random);
  }

  /** The connection that takes calls; null when there is none. */
  get connection(): Connection | null {
    return this.current?.isOpen === true ? this.current : null;
  }

  /** A connection is on its way, or about to be tried after one that worked has gone. */
  get isConnecting(): boolean {
    return this.isReplacing || (this.current !== null && !this.current.isOpen);
  }

  /** True from a failed attempt to connect until one succeeds. */
  get hasFailed(): boolean {
    return this.failed;
  }

  /** Why the last attempt failed. */
  get lastError(): string {
    return this.failure;
  }

  /** Sockets in use, those that only finish their calls included. */
  get openConnections(): number {
    return this.drained.size + (this.connection === null ? 0 : 1);
  }

  connect(): void {
    if (this.current !== null || this.isClosed) return;
    this.timer?.cancel();
    this.timer = null;
    this.isReplacing = false;
    this.startedMs = this.deps.clock.now();
    const connection = this.deps.createConnection(this);
    this.current = connection;
    connection.open();
  }

  /** Tries at once where it would wait. */
  resetBackoff(): void {
    this.backoff.reset();
    if (this.timer !== null) this.connect();
  }

  /** Ends; calls that run may finish. */
  drain(): void {
    this.end();
    const { current } = this;
    this.current = null;
    if (current === null) return;
    if (current.isOpen) {
      this.drained.add(current);
      current.drain("address is gone");
    } else current.destroy("address is gone");
  }

  /** Ends at once. */
  close(reason: string): void {
    this.end();
    for (const connection of this.drained) connection.destroy(reason);
    this.current?.destroy(reason);
  }

  opened(): void {
    this.failed = false;
    this.backoff.reset();
    this.deps.owner.changed(this);
  }

  draining(connection: Connection, reason: string): void {
    this.drained.add(connection);
    if (connection === this.current) this.replace(reason);
  }

  closed(connection: Connection, reason: string): void {
    this.drained.delete(connection);
    if (connection !== this.current) return;
    if (connection.hasOpened) this.replace(reason);
    else this.retryLater(reason);
  }

  returned(exchange: Exchange): void {
    this.deps.owner.returned(exchange);
  }

  private end(): void {
    this.isClosed = true;
    this.isReplacing = false;
    this.timer?.cancel();
  }

  /** A connection that worked has gone: connect anew at once, but do not spin where each one is cut. */
  private replace(reason: string): void {
    this.current = null;
    if (this.isClosed) return;
    this.failure = reason;
    const waitMs = this.startedMs + MIN_CONNECT_INTERVAL_MS - this.deps.clock.now();
    if (waitMs > 0) {
      this.isReplacing = true;
      this.timer = this.deps.clock.after(waitMs, () => this.connect());
    } else this.connect();
    this.deps.owner.troubled(this, reason);
    this.deps.owner.changed(this);
  }

  private retryLater(reason: string): void {
    this.current = null;
    this.failed = true;
    this.failure = reason;
    if (this.isClosed) return;
    this.timer = this.deps.clock.after(this.backoff.nextMs(), () => {
      this.connect();
      this.deps.owner.changed(this);
    });
    this.deps.owner.troubled(this, reason);
    this.deps.owner.changed(this);
  }
}
