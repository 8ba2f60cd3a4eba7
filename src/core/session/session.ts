import type { Client, ClientEnv, ConnectRequest, PingPrecision } from "../../messages/client.ts";
import { CLOSES, type Close, type DisconnectReason } from "../../messages/close.ts";
import type { Command } from "../../messages/command.ts";
import type { Frame } from "../../messages/frame.ts";
import type { Reply } from "../../messages/reply.ts";
import type { Transmission } from "../../messages/result.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Connection } from "../../ports/connection.ts";
import type { Encoder } from "../../ports/encoder.ts";
import type { Receiver } from "../../ports/gateway.ts";
import type { Log } from "../../ports/log.ts";
import type { Counter } from "../../ports/metrics.ts";
import type { Subscriber } from "../../ports/subscriber.ts";
import { ChannelStates } from "./channel-states.ts";
import { describeCommand, describeFrame } from "./describe.ts";
import { Inbox, type InboxLimits } from "./inbox.ts";
import { Keepalive, type KeepaliveOwner, pingTimestamp } from "./keepalive.ts";
import { Outbox, type OutboxDeps, type OutboxOwner } from "./outbox.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import type { Slice, Turns } from "./turns.ts";

/** How a command ended: null when it was done, else why it failed. */
export type Outcome = string | null;

/** Who carries out what a session receives; the node. */
export interface Executor {
  /** Decides whether the session is let in, and answers the client. */
  authenticate(session: Session, restoreSid: string): Promise<void>;
  /** @returns the outcome, or a promise of it when the command has to wait for something */
  execute(session: Session, command: Command): Outcome | Promise<Outcome>;
  /** The session takes no more commands and can send nothing new: called once. */
  ended(session: Session): void;
}

/** What all sessions of a node share. */
export interface SessionDeps {
  readonly options: {
    /** How long after a ping an answer is awaited; 0 for ever. */
    readonly pongTimeoutMs: number;
    /** A ping frame follows every ping message, and its pong is an answer. */
    readonly nativePings: boolean;
    readonly inbox: InboxLimits;
  };
  readonly executor: Executor;
  readonly outbox: OutboxDeps;
  readonly wheel: TimerWheel;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: {
    readonly receivedBytes: Counter;
    readonly commands: Counter;
    readonly failedCommands: Counter;
    readonly slowClients: Counter;
  };
}

/**
 * One client: its state, its frames in and out, its place in time. Commands run one after another in the order of
 * arrival; what they do is the node's business.
 */
export class Session implements Subscriber, Receiver, Client, OutboxOwner, KeepaliveOwner {
  readonly sid: string;
  readonly env: ClientEnv;
  readonly encoder: Encoder;
  readonly isExtended: boolean;
  identifiers = "";
  /** True from the successful authentication on. */
  isAuthenticated = false;
  /** True as soon as the server has decided to close, or the disconnect flow ran. */
  isEnded = false;
  /** True when the application wants to hear of the disconnect; never unset. */
  hasInterest = false;
  /** Milliseconds since the UNIX epoch; a restored session has that of the one it continues. */
  authenticatedAtMs = 0;
  /** True once it joined a presence set: its records must be kept alive. */
  hasJoined = false;
  /** True once the log has told that it may not subscribe to more. */
  isToldFull = false;
  readonly states = new ChannelStates();
  readonly subscriptions = new Subscriptions();
  private readonly pingPrecision: PingPrecision;
  private readonly connection: Connection;
  private readonly outbox: Outbox;
  private readonly keepalive: Keepalive;
  /** Made when a frame has to wait: most clients never send ahead. */
  private inbox: Inbox | null = null;
  private readonly deps: SessionDeps;
  /** True while authentication or a command runs; frames wait meanwhile. */
  private isBusy = true;
  private readonly slice: Slice = { turn: -1, startedAtMs: 0 };
  private isConnectionLost = false;
  private running: AbortController | null = null;

  constructor(
    request: ConnectRequest,
    connection: Connection,
    encoder: Encoder,
    deps: SessionDeps,
  ) {
    this.sid = request.sid;
    this.env = request.env;
    this.isExtended = request.isExtended;
    this.pingPrecision = request.pingPrecision;
    this.connection = connection;
    this.encoder = encoder;
    this.deps = deps;
    this.outbox = new Outbox(connection, this, deps.outbox);
    const expectsPongs = request.isExtended || deps.options.nativePings;
    this.keepalive = new Keepalive(
      {
        intervalMs: request.pingIntervalMs,
        timeoutMs: expectsPongs ? deps.options.pongTimeoutMs : 0,
      },
      { owner: this, wheel: deps.wheel, random: deps.random() },
    );
  }

  get log(): Log {
    return this.deps.log.with({ sid: this.sid });
  }

  get cstate(): ReadonlyMap<string, string> {
    return this.states.connection;
  }

  get istate(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.states.channels;
  }

  /** A signal for a call on behalf of this session: aborted when the server closes the session. */
  callSignal(): AbortSignal {
    this.running ??= new AbortController();
    return this.running.signal;
  }

  /**
   * Authenticates, then goes on with the frames that came meanwhile.
   * @param restoreSid sid of the session the client wants back; empty for none
   */
  async start(restoreSid: string): Promise<void> {
    try {
      await this.deps.executor.authenticate(this, restoreSid);
    } catch (error) {
      this.log.error("authentication failed", { error });
      this.cut(CLOSES.authError);
    }
    // Whoever was not let in is sent away already, with the reason; this only makes sure.
    if (!this.isAuthenticated) this.cut(CLOSES.authError);
    await this.continue();
  }

  // ---- from the transport

  receive(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
    this.deps.metrics.receivedBytes.add(bytes);
    if (this.isEnded || this.isConnectionLost) return;
    if (this.isBusy) {
      this.enqueue(data);
      return;
    }
    const work = this.deps.turns.isSpent(this.slice) ? this.postpone(data) : this.process(data);
    if (work === null) return;
    this.isBusy = true;
    // Owned by `continueAfter`, which never rejects.
    void this.continueAfter(work);
  }

  drained(): void {
    this.outbox.drained(this.deps.clock.now());
  }

  probed(): void {
    this.keepalive.alive();
  }

  /** The client has gone: what it had sent is still done, then the disconnect flow runs. */
  closed(): void {
    if (this.isConnectionLost) return;
    this.isConnectionLost = true;
    this.keepalive.stop();
    this.outbox.abandon();
    if (!this.isBusy) this.end();
  }

  // ---- from the hub and the node

  deliver(frame: Frame): void {
    if (this.isEnded) return;
    if (!this.outbox.push(frame)) this.overflowed();
  }

  send(transmission: Transmission): void {
    this.deliver(
      typeof transmission === "string"
        ? this.encoder.encodeRaw(transmission)
        : this.encoder.encode(transmission),
    );
  }

  disconnect(reason: DisconnectReason, reconnect: boolean, close: Close): void {
    if (this.isEnded) return;
    const farewell: Reply = { type: "disconnect", reason, reconnect };
    this.outbox.finish(close, this.encoder.encode(farewell));
    this.end();
  }

  /** Closes behind what is queued, without a message. */
  close(close: Close): void {
    if (this.isEnded) return;
    this.outbox.finish(close);
    this.end();
  }

  /** Closes at once, whatever is queued. */
  cut(close: Close): void {
    if (this.isEnded) return;
    this.outbox.abandon();
    this.connection.close(close.code, close.reason);
    this.end();
  }

  /** True when nothing waits to be written, or nothing can be. */
  get isFlushed(): boolean {
    return this.outbox.isIdle;
  }

  /** Ends the transport of a session whose farewell does not get through. */
  abandon(): void {
    if (this.outbox.isIdle) return;
    this.outbox.abandon();
    this.connection.close(CLOSES.writeFailed.code, CLOSES.writeFailed.reason);
  }

  // ---- from keepalive and outbox

  ping(): void {
    const now = this.deps.clock.now();
    const message = pingTimestamp(now, this.pingPrecision);
    const frame = this.encoder.encode({ type: "ping", message });
    this.outbox.ping(frame, now + this.keepalive.intervalMs / 2);
    if (this.deps.options.nativePings) this.connection.probe();
  }

  noPong(): void {
    // Its answer may wait in front of a connection that is not read.
    if (this.inbox?.isPaused === true) return;
    this.log.warn("disconnecting session due to no pongs");
    this.disconnect("no_pong", true, CLOSES.noPong);
  }

  lost(cause: string): void {
    this.log.debug(cause);
    this.end();
  }

  // ---- steps

  private enqueue(data: string | Uint8Array): void {
    // Its answer to a ping waits behind its own command: that is no silence.
    this.keepalive.alive();
    this.inbox ??= new Inbox(this.deps.options.inbox, this.connection);
    if (!this.inbox.push(data)) this.flooded();
  }

  /** It has done enough for now: others are served before it goes on. */
  private postpone(data: string | Uint8Array): Promise<void> {
    this.enqueue(data);
    return this.deps.turns.next();
  }

  private decode(data: string | Uint8Array): Command | null {
    const decoded = this.encoder.decode(data);
    if (decoded.command === "ignored") return null;
    const { metrics } = this.deps;
    if (decoded.command === "malformed") {
      metrics.failedCommands.add();
      if (this.deps.log.isDebug) {
        this.log.debug("WebSocket read failed", {
          error: decoded.error,
          data: describeFrame(data),
        });
      }
      return null;
    }
    metrics.commands.add();
    if (this.deps.log.isDebug)
      this.log.debug("incoming message", { data: describeCommand(decoded) });
    return decoded;
  }

  /** Never throws: that would leave the session waiting for its own end. @returns null when there is nothing to wait for */
  private process(data: string | Uint8Array): Promise<void> | null {
    try {
      return this.execute(data);
    } catch (error) {
      this.commandFailed(errorText(error), data);
      return null;
    }
  }

  private execute(data: string | Uint8Array): Promise<void> | null {
    const command = this.decode(data);
    if (command === null) return null;
    this.keepalive.alive();
    const outcome = this.deps.executor.execute(this, command);
    // The bytes belong to the transport and may be reused after the call.
    if (outcome instanceof Promise) {
      return this.settle(outcome, typeof data === "string" ? data : Uint8Array.from(data));
    }
    if (outcome !== null) this.commandFailed(outcome, data);
    return null;
  }

  private async settle(pending: Promise<Outcome>, data: string | Uint8Array): Promise<void> {
    try {
      const outcome = await pending;
      if (outcome !== null) this.commandFailed(outcome, data);
    } catch (error) {
      this.commandFailed(errorText(error), data);
    }
    this.keepalive.commandEnded();
  }

  private commandFailed(error: string, data: string | Uint8Array): void {
    this.deps.metrics.failedCommands.add();
    this.log.warn("failed to handle incoming message", { data: describeFrame(data), error });
  }

  private async continueAfter(work: Promise<void>): Promise<void> {
    await work;
    await this.continue();
  }

  private async continue(): Promise<void> {
    for (;;) {
      const data = this.isEnded ? null : (this.inbox?.shift() ?? null);
      if (data === null) break;
      const work = this.process(data);
      if (work !== null) await work;
      if (this.deps.turns.isSpent(this.slice)) await this.deps.turns.next();
    }
    this.inbox = null;
    this.isBusy = false;
    this.running = null;
    if (this.isConnectionLost) this.end();
  }

  private flooded(): void {
    this.deps.metrics.failedCommands.add();
    this.log.warn("client sends faster than its commands are processed, disconnecting");
    this.cut(CLOSES.flooding);
  }

  /** The hub calls in the middle of a delivery: subscriptions are dropped after it. */
  private overflowed(): void {
    this.deps.metrics.slowClients.add();
    this.log.debug("slow client detected, disconnecting", {
      max: this.deps.outbox.limits.maxPendingBytes,
    });
    const farewell: Reply = { type: "disconnect", reason: "too_slow", reconnect: true };
    this.outbox.clear();
    this.outbox.finish(CLOSES.tooSlow, this.encoder.encode(farewell));
    this.isEnded = true;
    queueMicrotask(() => this.release());
  }

  private end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.release();
  }

  private release(): void {
    this.keepalive.stop();
    this.inbox = null;
    // A client that left cancels nothing; by now its commands are done.
    this.running?.abort();
    this.deps.executor.ended(this);
  }
}
