import type { Loss } from "./loss-checker.ts";

/** The server a load runs against. */
export interface Target {
  /** `ws://host:port/path` of the cable. */
  readonly url: string;
  /** `http://host:port/path` that takes publications. */
  readonly publishUrl: string;
  /** Bearer key of `publishUrl`; null for none. */
  readonly publishKey: string | null;
  /** Process whose account is read; null when it is out of reach, and figures per CPU-second are then missing. */
  readonly pid: number | null;
  /** Channel identifier with `{stream}` where the stream name belongs (JSON text). */
  readonly identifier: string;
}

/** Connect and subscribe, all clients, several times over. */
export interface ConnectLoad {
  readonly kind: "connect";
  readonly clients: number;
  /** Clients between connect and confirmation at any moment. */
  readonly inFlight: number;
  /** Passes that count; the median pass is reported. */
  readonly rounds: number;
  /** Passes before them that do not count. */
  readonly warmupRounds: number;
  /** How long to look for the lowest resident memory after the last pass; 0 to skip. */
  readonly settleMs: number;
}

/** Publish, wait until every client has everything, publish again. */
export interface FanoutLoad {
  readonly kind: "fanout";
  readonly clients: number;
  readonly rounds: number;
  /** Publications per request; more than one goes out as a batch. */
  readonly batch: number;
  readonly warmupRounds: number;
}

/** Publish at a fixed rate, whether or not the last publication has arrived everywhere. */
export interface SteadyLoad {
  readonly kind: "steady";
  readonly clients: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** Every client performs, waits for the echo, performs again. */
export interface PerformLoad {
  readonly kind: "perform";
  readonly clients: number;
  readonly callsPerClient: number;
  readonly warmupCallsPerClient: number;
}

/** Clients that know their position drop at once, miss messages, return at once and get them. */
export interface ReplayLoad {
  readonly kind: "replay";
  readonly clients: number;
  /** Messages published while they are away. */
  readonly missed: number;
  readonly rounds: number;
  readonly warmupRounds: number;
  /** Messages published one after another while they return, in a last round that is checked but not measured. */
  readonly overlap: number;
}

/** How publications reach the server. `port` is that of the service in between, on 127.0.0.1. */
export type Via =
  | { readonly kind: "http" }
  | { readonly kind: "redis" | "redisx" | "nats"; readonly port: number };

/** Publications as fast as they are taken, to many streams with one client each. */
export interface PublishLoad {
  readonly kind: "publish";
  readonly via: Via;
  readonly streams: number;
  /** Publications per request; more than one goes out as a batch. */
  readonly batch: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** All clients join the presence of one stream, ask who is there, and stay. */
export interface PresenceLoad {
  readonly kind: "presence";
  readonly members: number;
  readonly rounds: number;
  readonly warmupRounds: number;
  /** Answers to `presence` with all records, per round. */
  readonly questions: number;
  /** How long CPU time is watched in the last round without members, and again with them. */
  readonly aliveSeconds: number;
}

/** One load, as the generator process gets it. */
export type Scenario =
  | ConnectLoad
  | FanoutLoad
  | SteadyLoad
  | PerformLoad
  | ReplayLoad
  | PublishLoad
  | PresenceLoad;

/** What a run brought: figures by name (units in the names), what went missing and why. */
export interface Measurement {
  readonly figures: Readonly<Record<string, number>>;
  readonly loss: Loss;
  /** Clients refused, never confirmed or cut; as bad as a lost message. */
  readonly failedClients: number;
  /** Why the first of them failed, or the run ended early; null when all is well. */
  readonly failure: string | null;
  /** What to install for the figures that are missing. */
  readonly hints?: readonly string[];
}

/** A loss report of a run without numbered messages. */
export const NO_LOSS: Loss = { lost: 0, doubled: 0, reordered: 0, unknown: 0 };
