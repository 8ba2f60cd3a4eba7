import { MemorySessionStore } from "../../src/broker/memory-sessions.ts";
import { Hub } from "../../src/core/hub/hub.ts";
import { Node } from "../../src/core/node/node.ts";
import { nodeMetrics } from "../../src/core/node/node-metrics.ts";
import type { NodeOptions } from "../../src/core/node/options.ts";
import type { ConnectRequest } from "../../src/messages/client.ts";
import type { Delivery } from "../../src/ports/delivery.ts";
import type { Receiver } from "../../src/ports/gateway.ts";
import type { SessionStore } from "../../src/ports/session-store.ts";
import { MemoryPresenceStore } from "../../src/presence/memory.ts";
import { jsonEncoder } from "../../src/protocols/actioncable/json-encoder.ts";
import { LocalPubSub } from "../../src/pubsub/local.ts";
import { CountingBroker } from "./counting-broker.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeLog } from "./fake-log.ts";
import { FakeMetrics } from "./fake-metrics.ts";
import { RecordingConnection } from "./recording-connection.ts";
import { ScriptedController } from "./scripted-controller.ts";

const OPTIONS: NodeOptions = {
  pongTimeoutMs: 0,
  nativePings: false,
  maxPendingBytes: 1024 * 1024,
  writeTimeoutMs: 2000,
  maxSubscriptions: 10_000,
  disconnectMode: "auto",
  sessionsTtlMs: 300_000,
  presenceTtlMs: 15_000,
  disconnectRate: 100,
  disconnectBacklog: 4096,
  slowDrain: false,
};

/** A client of a node, without a network between them. */
export class NodeClient {
  readonly connection = new RecordingConnection();
  readonly receiver: Receiver;

  constructor(node: Node, request: Partial<ConnectRequest>) {
    this.receiver = node.open(this.connection, connectRequest(request), jsonEncoder);
  }

  /** Sends a command and waits until the node has done what needs no waiting. */
  async send(command: unknown): Promise<void> {
    this.receiver.receive(JSON.stringify(command));
    await settled();
  }

  /** Subscribes. @returns the identifier */
  async subscribe(identifier: string): Promise<string> {
    await this.send({ command: "subscribe", identifier });
    return identifier;
  }

  /** The client goes away. */
  async leave(): Promise<void> {
    this.receiver.closed();
    await settled();
  }

  /** All messages but pings, parsed. */
  get received(): readonly unknown[] {
    return this.connection.messages;
  }
}

/** A node on fakes: an application that answers as told, a broker that keeps account, a clock that stands still. */
export class NodeRoom {
  readonly clock = new FakeClock();
  readonly log = new FakeLog();
  readonly metrics = new FakeMetrics();
  readonly controller = new ScriptedController();
  readonly broker: CountingBroker;
  readonly sessionStore: MemorySessionStore;
  readonly presence: MemoryPresenceStore;
  readonly hub: Hub;
  readonly node: Node;
  private ids = 0;

  constructor(given: Partial<NodeOptions> = {}, deps: { sessionStore?: SessionStore | null } = {}) {
    const { clock, log } = this;
    const options = { ...OPTIONS, ...given };
    const delivery: Delivery = {
      deliver: (publication) => this.node.deliver(publication),
      command: (remote) => this.node.command(remote),
    };
    const pubsub = new LocalPubSub({ delivery });
    const metrics = nodeMetrics(this.metrics);
    this.broker = new CountingBroker({ delivery });
    this.sessionStore = new MemorySessionStore(
      { ttlMs: options.sessionsTtlMs, maxSessions: 1000, maxBytes: 1e9 },
      { clock },
    );
    const presenceOptions = { ttlMs: options.presenceTtlMs, streamRules: [] };
    this.presence = new MemoryPresenceStore(presenceOptions, { clock, pubsub, log });
    this.hub = new Hub({ broadcasts: metrics.broadcasts, log });
    this.node = new Node(options, {
      hub: this.hub,
      controller: this.controller,
      broker: this.broker,
      sessionStore: deps.sessionStore === undefined ? this.sessionStore : deps.sessionStore,
      presence: this.presence,
      metrics,
      clock,
      random: () => 0.5,
      randomId: () => `r${++this.ids}`,
      log,
    });
  }

  /** A client, let in unless the application says otherwise; without pings unless it asks for them. */
  async connect(request: Partial<ConnectRequest> = {}): Promise<NodeClient> {
    const client = new NodeClient(this.node, { sid: `s${++this.ids}`, ...request });
    await settled();
    return client;
  }

  /** A publication of the application. */
  async publish(stream: string, data: string): Promise<void> {
    await this.broker.publish({ stream, data, meta: null, offset: 0, epoch: "" });
    await settled();
  }

  /** A remote disconnect, as it arrives from other nodes. */
  async disconnect(identifier: string, reconnect?: boolean): Promise<void> {
    this.node.command({ command: "disconnect", payload: { identifier, reconnect } });
    await settled();
  }

  /** Sends everybody away and waits for the end. @param leftMs the time it has */
  async shutDown(leftMs = 30_000): Promise<void> {
    const abort = new AbortController();
    this.clock.after(leftMs, () => abort.abort());
    const done = this.node.shutDown({ signal: abort.signal, leftMs });
    await this.clock.advanceAsync(leftMs);
    await done;
  }
}

/** Two passes of the event loop: promises settle in the first, outboxes are flushed, what follows from it settles. */
export async function settled(): Promise<void> {
  for (let pass = 0; pass < 3; pass++) await new Promise((resolve) => setImmediate(resolve));
}

/** A request of the base protocol, without pings. */
export function connectRequest(given: Partial<ConnectRequest> = {}): ConnectRequest {
  return {
    sid: "s1",
    env: { url: "http://cable.test/cable", headers: {} },
    isExtended: false,
    restoreSid: "",
    pingIntervalMs: 0,
    pingPrecision: "s",
    ...given,
  };
}
