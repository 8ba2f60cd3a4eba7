import { BroadcastHandler } from "../broadcast/handler.ts";
import type { EmbeddedNats } from "../clients/embedded-nats/embedded-nats.ts";
import type { Settings } from "../config/settings.ts";
import { Hub } from "../core/hub/hub.ts";
import { Node } from "../core/node/node.ts";
import { type NodeMetrics, nodeMetrics } from "../core/node/node-metrics.ts";
import type { NodeOptions } from "../core/node/options.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import { shortestPresenceTtlS } from "../messages/stream-rules.ts";
import { Registry } from "../metrics/registry.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";
import { countDescriptors, DescriptorGuard } from "../transports/http/descriptor-guard.ts";
import type { Listener } from "../transports/http/listener.ts";
import { createBroadcasters } from "./broadcasters.ts";
import { createMemory } from "./broker.ts";
import {
  type Controllers,
  createControllers,
  logApplication,
  logControllers,
} from "./controllers.ts";
import { createEmbeddedNats } from "./embedded-nats.ts";
import { type EndpointDeps, mountEndpoints, mountHttpBroadcast } from "./endpoints.ts";
import { Listeners } from "./listeners.ts";
import type { Memory } from "./memory.ts";
import { createMetricsServices } from "./metrics.ts";
import { openFileLimit } from "./open-files.ts";
import { createPubSub } from "./pubsub.ts";
import type { ShutdownDeadline } from "./shutdown.ts";
import { loadTls, type TlsPair } from "./tls.ts";

const SHORT_ID_LENGTH = 6;
const ABANDON_GRACE_MS = 500;
const ABANDON_LIMIT_MS = 1000;

/** What the process gives its app. */
export interface AppDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  /** Ends the process with this message: nothing can be done about it. */
  readonly onFatal: (message: string) => void;
}

/** The server, put together from its rooms. Nothing here does work of its own: it chooses, starts and stops. */
export class App {
  private readonly settings: Settings;
  private readonly embeddedNats: EmbeddedNats | null;
  private readonly log: Log;
  private readonly node: Node;
  private readonly controllers: Controllers;
  private readonly memory: Memory;
  private readonly listeners: Listeners;
  private readonly mainListener: Listener;
  private readonly endpoints: EndpointDeps;
  private readonly broadcasts: BroadcastHandler;
  private readonly broadcasters: readonly Service[];
  private readonly pubsub: readonly Service[];
  private readonly background: readonly Service[];

  /** @throws {ServerError} when a setting cannot be carried out; the message is for the operator */
  constructor(settings: Settings, deps: AppDeps) {
    const { clock, log, randomId } = deps;
    const retries: (() => void)[] = [];
    const shared = { ...deps, onServerBack: (retryNow: () => void) => void retries.push(retryNow) };
    const registry = new Registry();
    const metrics = nodeMetrics(registry);
    this.settings = settings;
    this.log = log;
    this.embeddedNats = createEmbeddedNats(settings, {
      ...deps,
      onBack: () => {
        for (const retryNow of retries) retryNow();
      },
    });
    const delivery: Delivery = {
      deliver: (publication) => this.node.deliver(publication),
      command: (remote) => this.node.command(remote),
    };
    const heard: Delivery = {
      deliver: (publication) => (this.memory.incoming ?? delivery).deliver(publication),
      command: (remote) => delivery.command(remote),
    };
    // It reports for itself.
    const onReturn = (): void => void this.memory.incoming?.returned();
    const onReconnected = (): void => this.memory.incoming?.reconnected?.();
    const events = { onReconnected, onReturn };
    const pubsub = createPubSub(settings, { ...shared, delivery: heard, ...events });
    this.pubsub = pubsub.services;
    this.memory = createMemory(settings, { ...shared, delivery, pubsub: pubsub.pubsub });
    this.controllers = createControllers(settings, { clock, log, metrics: registry });
    this.node = this.createNode(metrics, deps);
    const descriptors = new DescriptorGuard(openFileLimit() ?? Number.POSITIVE_INFINITY, {
      clock,
      log: log.with({ context: "http" }),
      countUsed: countDescriptors,
    });
    this.listeners = new Listeners(settings, this.tls(), { log, descriptors });
    this.background = [
      ...createMetricsServices(settings, { registry, node: this.node, clock, log }),
      descriptors,
    ];
    this.broadcasts = new BroadcastHandler({ broker: this.memory.broker, metrics: registry, log });
    this.broadcasters = createBroadcasters(settings, {
      ...shared,
      delivery,
      handler: this.broadcasts,
      metrics: registry,
    });
    const { node, memory, listeners } = this;
    const trouble = (): string | null => this.embeddedNats?.health() ?? null;
    this.endpoints = { listeners, node, memory, registry, randomId, log, trouble };
    // Its port names the listener, whoever mounts on it first.
    this.mainListener = listeners.at(
      settings.server.host,
      settings.server.port,
      "WebSocket server",
    );
  }

  /** @throws {ServerError} what could not be started, in words for the operator */
  async start(): Promise<void> {
    const { settings, endpoints, log } = this;
    logControllers(settings, log);
    if (this.embeddedNats !== null) await this.embeddedNats.start();
    this.node.start();
    await startAll(this.memory.services);
    await startAll(this.pubsub);
    mountHttpBroadcast(settings, endpoints, this.broadcasts);
    await startAll(this.broadcasters);
    await this.controllers.rpc.start();
    logApplication(settings, log);
    mountEndpoints(settings, endpoints, this.broadcasts);
    await startAll(this.background);
    // What was logged so far is out before the first client can connect.
    await new Promise((resolve) => setImmediate(resolve));
    // The main port, which came first, opens last: who is let in there finds the others open.
    for (const listener of [...this.listeners.all].reverse()) await this.startListener(listener);
  }

  /**
   * Stops in the order of spec "protocol", section 13; steps whose time is up are skipped. Nothing more is taken in
   * before clients are told: what is acknowledged must reach them. Only a slow drain leaves the ways in open, but the
   * main port: whoever is left is served to the end.
   */
  async stop(deadline: ShutdownDeadline): Promise<void> {
    const { shutdownDelayS, isSlowDrain } = this.settings.app;
    const { signal } = deadline;
    this.embeddedNats?.expectEnd();
    if (shutdownDelayS > 0) await deadline.wait(shutdownDelayS * 1000);
    await this.stopListeners(isSlowDrain ? [this.mainListener] : this.listeners.all, deadline);
    if (!isSlowDrain) await this.stopAll(this.broadcasters, signal);
    await this.node.shutDown({ signal, leftMs: deadline.leftMs });
    if (isSlowDrain) {
      await this.stopListeners(this.listeners.all, deadline);
      await this.stopAll(this.broadcasters, signal);
    }
    await this.stopService(this.controllers.rpc, signal);
    await this.stopAll(this.memory.services, signal);
    await this.stopAll(this.pubsub, signal);
    if (this.embeddedNats !== null) await this.stopService(this.embeddedNats, signal);
    await this.stopAll(this.background, signal);
  }

  /**
   * For an end that cannot be put off, within a second: the log is told what is lost, and nothing is left behind in the
   * file system. Never rejects.
   */
  async abandon(): Promise<void> {
    const soon = AbortSignal.timeout(ABANDON_GRACE_MS);
    const ending = [this.embeddedNats, ...this.memory.services, ...this.pubsub];
    const stops = ending.map((service) => service && this.stopService(service, soon));
    // Not by the clock of the rooms: its timers let the process end, with the wrong exit code.
    const limit = new Promise((resolve) => setTimeout(resolve, ABANDON_LIMIT_MS));
    await Promise.race([Promise.all(stops), limit]);
  }

  /** In reverse order of the starts. */
  private async stopAll(services: readonly Service[], signal: AbortSignal): Promise<void> {
    for (const service of [...services].reverse()) await this.stopService(service, signal);
  }

  /** A request that does not end must not take the time that clients need to hear of the restart: it gets half of it. */
  private async stopListeners(
    listeners: readonly Listener[],
    deadline: ShutdownDeadline,
  ): Promise<void> {
    const patience = AbortSignal.any([deadline.signal, AbortSignal.timeout(deadline.leftMs / 2)]);
    const stops = listeners.map((listener) => this.stopService(listener, patience));
    await Promise.all(stops);
  }

  private async startListener(listener: Listener): Promise<void> {
    try {
      await listener.start();
    } catch (error) {
      if (this.listeners.isRequired(listener)) throw error;
      this.log.error("failed to listen", { context: "http", error });
    }
  }

  private async stopService(service: Service, signal: AbortSignal): Promise<void> {
    try {
      await service.stop(signal);
    } catch (error) {
      this.log.error("failed to stop", { service: service.name, error });
    }
  }

  private createNode(metrics: NodeMetrics, deps: AppDeps): Node {
    const { clock, log } = deps;
    return new Node(nodeOptions(this.settings), {
      hub: new Hub({ broadcasts: metrics.broadcasts, log: log.with({ component: "hub" }) }),
      controller: this.controllers.controller,
      broker: this.memory.broker,
      sessionStore: this.memory.sessionStore,
      presence: this.memory.presence,
      metrics,
      clock,
      random: Math.random,
      randomId: () => deps.randomId(SHORT_ID_LENGTH),
      log,
    });
  }

  private tls(): TlsPair | null {
    const paths = this.settings.server.tls;
    if (paths === null) return null;
    try {
      return loadTls(paths);
    } catch (error) {
      throw unusableTls(this.settings, error);
    }
  }
}

async function startAll(services: readonly Service[]): Promise<void> {
  for (const service of services) await service.start();
}

function unusableTls(settings: Settings, cause: unknown): ServerError {
  const text = `${firstListener(settings)}, cause: ${errorText(cause)}`;
  return new ServerError("bad_certificate", text, { cause });
}

/** Whom the reference names when certificates cannot be read. */
function firstListener({ metrics, broadcast, server }: Settings): string {
  if (metrics.httpPath !== null) return "failed to initialize metrics writer";
  if (broadcast.adapters.includes("http")) return "failed to start broadcaster";
  return `failed to initialize WebSocket server at ${server.host}:${server.port}`;
}

function nodeOptions({ app, ws, broker, disconnector }: Settings): NodeOptions {
  return {
    pongTimeoutMs: app.pongTimeoutS * 1000,
    nativePings: app.isNativePings,
    maxPendingBytes: ws.maxPendingBytes,
    writeTimeoutMs: ws.writeTimeoutS * 1000,
    maxSubscriptions: ws.maxSubscriptions,
    disconnectMode: app.disconnectMode,
    sessionsTtlMs: broker.sessionsTtlS * 1000,
    presenceTtlMs: shortestPresenceTtlS(broker.streamRules, broker.presenceTtlS) * 1000,
    disconnectRate: disconnector.rate,
    disconnectBacklog: disconnector.backlog,
    slowDrain: app.isSlowDrain,
  };
}
