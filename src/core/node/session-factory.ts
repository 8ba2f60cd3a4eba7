import type { ConnectRequest } from "../../messages/client.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Connection } from "../../ports/connection.ts";
import type { Encoder } from "../../ports/encoder.ts";
import type { Log } from "../../ports/log.ts";
import { type Executor, Session, type SessionDeps } from "../session/session.ts";
import { TimerWheel } from "../session/timer-wheel.ts";
import { Turns } from "../session/turns.ts";
import { Writer } from "../session/writer.ts";
import type { NodeMetrics } from "./node-metrics.ts";
import type { NodeOptions } from "./options.ts";

/**
 * What a client may send ahead of its running command. Beyond it the client waits at its socket. What was read by then, half a
 * megabyte, comes in nevertheless: the upper bounds are for compressed messages only, which may become many times as much.
 */
const INBOX = {
  pauseFrames: 1024,
  pauseBytes: 1024 * 1024,
  maxFrames: 128 * 1024,
  maxBytes: 16 * 1024 * 1024,
};

/** Makes sessions with what they all share, and sees to it that no two live ones have the same sid. */
export class SessionFactory {
  private readonly wheel: TimerWheel;
  private readonly shared: SessionDeps;
  private readonly sids = new Set<string>();
  private readonly randomId: () => string;

  constructor(
    options: NodeOptions,
    deps: {
      readonly executor: Executor;
      readonly metrics: NodeMetrics;
      readonly clock: Clock;
      readonly random: () => number;
      readonly randomId: () => string;
      readonly log: Log;
    },
  ) {
    const { clock, metrics } = deps;
    const { maxPendingBytes, writeTimeoutMs, pongTimeoutMs, nativePings } = options;
    this.randomId = deps.randomId;
    this.wheel = new TimerWheel({ clock });
    this.shared = {
      options: { pongTimeoutMs, nativePings, inbox: INBOX },
      executor: deps.executor,
      outbox: {
        writer: new Writer({ clock }),
        clock,
        limits: { maxPendingBytes, writeTimeoutMs },
        metrics,
      },
      wheel: this.wheel,
      turns: new Turns({ clock }),
      clock,
      random: deps.random,
      log: deps.log.with({ context: "node" }),
      metrics,
    };
  }

  start(): void {
    this.wheel.start();
  }

  stop(): void {
    this.wheel.stop();
  }

  create(connection: Connection, request: ConnectRequest, encoder: Encoder): Session {
    const unique = this.withFreeSid(request);
    this.sids.add(unique.sid);
    return new Session(unique, connection, encoder, this.shared);
  }

  /** The sid of an ended session may be used again. */
  release(session: Session): void {
    this.sids.delete(session.sid);
  }

  /** The sid may be the client's choice (`X-Request-ID`); presence and exclusion need it to be one session's. */
  private withFreeSid(request: ConnectRequest): ConnectRequest {
    if (!this.sids.has(request.sid)) return request;
    const sid = `${request.sid}-${this.randomId()}`;
    this.shared.log.warn("session id is in use, a random part was added", { sid });
    return { ...request, sid };
  }
}
