import type { ConnectRequest } from "../../messages/client.ts";
import type { Command } from "../../messages/command.ts";
import type { Publication } from "../../messages/publication.ts";
import type { RemoteCommand } from "../../messages/remote-command.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Broker } from "../../ports/broker.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Connection } from "../../ports/connection.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Delivery } from "../../ports/delivery.ts";
import type { Encoder } from "../../ports/encoder.ts";
import type { Gateway, Receiver } from "../../ports/gateway.ts";
import type { Log } from "../../ports/log.ts";
import type { PresenceStore } from "../../ports/presence-store.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { Hub } from "../hub/hub.ts";
import type { Executor, Outcome, Session } from "../session/session.ts";
import { authenticate } from "./authenticate.ts";
import { Commits } from "./commits.ts";
import type { NodeContext } from "./context.ts";
import { executeRemote } from "./disconnect.ts";
import { DisconnectQueue } from "./disconnect-queue.ts";
import { history } from "./history.ts";
import { leave, touchPresence, touchSession } from "./leave.ts";
import type { NodeMetrics } from "./node-metrics.ts";
import type { NodeOptions } from "./options.ts";
import { perform } from "./perform.ts";
import { join, leave as leavePresence, presence } from "./presence.ts";
import { isResumable } from "./remember.ts";
import { Replays } from "./replays.ts";
import { SessionFactory } from "./session-factory.ts";
import { Sessions } from "./sessions.ts";
import { type ShutdownTime, shutDown } from "./shutdown.ts";
import { subscribe } from "./subscribe.ts";
import { unsubscribe } from "./unsubscribe.ts";
import { whisper } from "./whisper.ts";

/** What a node is made from. */
export interface NodeDeps {
  readonly hub: Hub;
  readonly controller: Controller;
  readonly broker: Broker;
  /** Null when sessions are not remembered at all. */
  readonly sessionStore: SessionStore | null;
  readonly presence: PresenceStore;
  readonly metrics: NodeMetrics;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** A short id that nobody can guess. */
  readonly randomId: () => string;
  readonly log: Log;
}

/**
 * The sessions of this process and what happens to them: the door for transports, the place where commands of clients
 * and of other nodes are carried out.
 */
export class Node implements Gateway, Executor, Delivery {
  private readonly context: NodeContext;
  private readonly factory: SessionFactory;
  private readonly timers = new Set<Timer>();
  /** Sessions that are not let in yet. */
  private readonly connecting = new Set<Session>();

  constructor(options: NodeOptions, deps: NodeDeps) {
    const { hub, controller, broker, sessionStore, presence, metrics, clock, log } = deps;
    const disconnects = new DisconnectQueue(
      { rate: options.disconnectRate, backlog: options.disconnectBacklog },
      {
        controller,
        clock,
        size: metrics.disconnectQueue,
        log: log.with({ context: "disconnector" }),
      },
    );
    this.context = {
      options,
      hub,
      controller,
      broker,
      sessionStore,
      commits: new Commits({ sessionStore, clock }),
      presence,
      metrics,
      clock,
      log,
      disconnects,
      sessions: new Sessions(),
      replays: new Replays(),
    };
    this.factory = new SessionFactory(options, { ...deps, executor: this });
  }

  /** Begins to keep what is remembered of connected sessions alive. */
  start(): void {
    this.factory.start();
    const { options } = this.context;
    this.every(options.sessionsTtlMs / 2, (session) => {
      if (isResumable(this.context, session)) touchSession(this.context, session);
    });
    this.every(options.presenceTtlMs / 2, (session) => {
      if (session.hasJoined) touchPresence(this.context, session);
    });
  }

  /** Sends all sessions away and makes the Disconnect calls that are left. */
  async shutDown(time: ShutdownTime): Promise<void> {
    await shutDown(this.context, this.connecting, time);
    for (const timer of this.timers) timer.cancel();
    this.factory.stop();
  }

  /** Brings the gauges up to date. */
  refreshGauges(): void {
    const { metrics, sessions, hub } = this.context;
    metrics.clients.set(sessions.size);
    metrics.distinctClients.set(sessions.distinct);
    metrics.streams.set(hub.streamCount);
  }

  open(connection: Connection, request: ConnectRequest, encoder: Encoder): Receiver {
    const session = this.factory.create(connection, request, encoder);
    this.connecting.add(session);
    // The session reports its own failures; the promise never rejects.
    void session.start(request.restoreSid);
    return session;
  }

  deliver(publication: Publication): void {
    if (this.context.log.isDebug) {
      this.context.log.debug("incoming broadcast message", { stream: publication.stream });
    }
    this.context.hub.deliver(publication);
  }

  command(remote: RemoteCommand): void {
    executeRemote(this.context, remote);
  }

  async authenticate(session: Session, restoreSid: string): Promise<void> {
    await authenticate(this.context, session, restoreSid);
    this.connecting.delete(session);
  }

  execute(session: Session, command: Command): Outcome | Promise<Outcome> {
    switch (command.command) {
      case "subscribe":
        return subscribe(this.context, session, command);
      case "unsubscribe":
        return unsubscribe(this.context, session, command.identifier);
      case "message":
        return perform(this.context, session, command.identifier, command.data);
      case "history":
        return history(this.context, session, command.identifier, command.history);
      case "whisper":
        return whisper(this.context, session, command.identifier, command.data);
      case "join":
        return join(this.context, session, command.identifier, command.presence);
      case "leave":
        return leavePresence(this.context, session, command.identifier);
      case "presence":
        return presence(this.context, session, command.identifier, command.data);
      case "ping":
        session.send({ type: "pong" });
        return null;
      case "pong":
        return null;
      case "unknown":
        return `unknown command: ${truncate(command.name)}`;
    }
  }

  ended(session: Session): void {
    this.connecting.delete(session);
    this.factory.release(session);
    leave(this.context, session);
  }

  private every(intervalMs: number, visit: (session: Session) => void): void {
    if (intervalMs <= 0) return;
    const run = (): void => {
      for (const session of this.context.sessions) visit(session);
      this.timers.delete(timer);
      this.every(intervalMs, visit);
    };
    const timer = this.context.clock.after(intervalMs, run);
    this.timers.add(timer);
  }
}
