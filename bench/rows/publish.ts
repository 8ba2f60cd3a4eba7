import type { PublishLoad, Via } from "../load/scenario.ts";
import type { Figure, Row } from "../row.ts";
import { figureKey, measureVariants, type Variant } from "./variants.ts";

const STREAMS = 32;
const MEMORY = "HTTP, memory broker";

/** Every way in, and every place to remember, each alone: what is not named is off. */
const VARIANTS: readonly Variant[] = [
  { name: MEMORY, needs: null, flags: () => ["--broker=memory"], load: http(1) },
  {
    name: "HTTP, batches of 100, memory broker",
    needs: null,
    flags: () => ["--broker=memory"],
    load: http(100),
  },
  { name: "HTTP, no broker", needs: null, flags: () => ["--broker=none"], load: http(1) },
  {
    name: "HTTP, Redis broker and pub/sub",
    needs: "redis",
    flags: (port) => ["--broker=redis", "--pubsub=redis", redis(port)],
    load: http(1),
  },
  {
    name: "HTTP, NATS broker and pub/sub",
    needs: "nats",
    flags: (port) => ["--broker=nats", "--pubsub=nats", nats(port)],
    load: http(1),
  },
  {
    name: "HTTP, no broker, Redis pub/sub",
    needs: "redis",
    flags: (port) => ["--pubsub=redis", redis(port)],
    load: http(1),
  },
  {
    name: "HTTP, no broker, NATS pub/sub",
    needs: "nats",
    flags: (port) => ["--pubsub=nats", nats(port)],
    load: http(1),
  },
  {
    name: "redisx, memory broker",
    needs: "redis",
    flags: (port) => [
      "--broadcast_adapter=redisx",
      "--broker=memory",
      "--pubsub=none",
      redis(port),
    ],
    load: (port) => load({ kind: "redisx", port }, 1),
  },
  {
    name: "redis, to every node",
    needs: "redis",
    flags: (port) => ["--broadcast_adapter=redis", "--pubsub=none", redis(port)],
    load: (port) => load({ kind: "redis", port }, 1),
  },
  {
    name: "nats, to every node",
    needs: "nats",
    flags: (port) => ["--broadcast_adapter=nats", "--pubsub=none", nats(port)],
    load: (port) => load({ kind: "nats", port }, 1),
  },
];

/** Publications by broadcaster and by broker, against HTTP into the memory broker. Per CPU-second: a rate moves with the machine's other load. */
export const publishRow: Row = {
  name: "publish",
  clients: STREAMS,
  figures: VARIANTS.map(({ name }) => figureOf(name)),
  passes: 1,
  measure: (subject) => measureVariants(subject, VARIANTS),
  floor: null,
};

function figureOf(variant: string): Figure {
  return {
    key: figureKey(variant, "publicationsPerCpuSecond"),
    label: `publications per CPU-s: ${variant}`,
    unit: "",
    per: 1,
    budget: null,
    against: figureKey(MEMORY, "publicationsPerCpuSecond"),
    detail: { key: figureKey(variant, "publicationsPerSecond"), text: "a second" },
  };
}

function load(via: Via, batch: number): PublishLoad {
  return { kind: "publish", via, streams: STREAMS, batch, seconds: 2, warmupSeconds: 1.5 };
}

function http(batch: number): () => PublishLoad {
  return () => load({ kind: "http" }, batch);
}

function redis(port: number): string {
  return `--redis_url=redis://127.0.0.1:${port}`;
}

function nats(port: number): string {
  return `--nats_servers=nats://127.0.0.1:${port}`;
}
