import { Bucket, bucketKey } from "../../clients/nats/bucket.ts";
import type { JetStream } from "../../clients/nats/jetstream.ts";
import type { JetStreamReadiness } from "../../clients/nats/readiness.ts";
import type { SessionSnapshot } from "../../messages/snapshot.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import { Revocations } from "../revocations.ts";
import { decodeSnapshot, encodeSnapshot } from "../snapshot-json.ts";

/** `ttlMs`: how long a session outlives its last commit or touch; above 0. */
export interface NatsSessionStoreOptions {
  readonly ttlMs: number;
  readonly replicas: number;
}

/** `readiness` must be started after this store was made. */
export interface NatsSessionStoreDeps {
  readonly jetstream: JetStream;
  readonly readiness: JetStreamReadiness;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Sessions in the JetStream bucket `_anycable_`, for any node: key = sid where JetStream takes it, else encoded. Whose were revoked is kept there, too. All calls
 * wait up to a second for JetStream to get ready. Source: spec "messaging", section 13.
 */
export class NatsSessionStore implements SessionStore, Service {
  readonly name = "NATS session store";
  readonly #readiness: JetStreamReadiness;
  readonly #bucket: Bucket;
  readonly #revocations: Revocations;

  constructor(options: NatsSessionStoreOptions, deps: NatsSessionStoreDeps) {
    const log = deps.log.with({ context: "broker", provider: "nats" });
    this.#readiness = deps.readiness;
    this.#bucket = new Bucket({ name: "_anycable_", ...options }, { ...deps, log });
    this.#revocations = new Revocations(options, deps);
    this.#readiness.add(() => this.#bucket.open());
  }

  async start(): Promise<void> {
    // The connection is started by whoever made it.
  }

  async stop(_signal: AbortSignal): Promise<void> {
    // Nothing waits here.
  }

  async commit(sid: string, snapshot: SessionSnapshot): Promise<void> {
    await this.#readiness.wait();
    await this.#bucket.put(bucketKey(sid), encodeSnapshot(snapshot));
  }

  async restore(sid: string): Promise<SessionSnapshot | null> {
    await this.#readiness.wait();
    const entry = await this.#bucket.get(bucketKey(sid));
    const snapshot = entry === null ? null : decodeSnapshot(entry.value);
    if (snapshot === null) return null;
    const revoked = await this.#bucket.get(revocationKey(snapshot.identifiers));
    return this.#revocations.covers(snapshot, Number(revoked?.value ?? 0)) ? null : snapshot;
  }

  /** Writes the session again, unless somebody else has written it meanwhile: that did it. */
  async touch(sid: string): Promise<boolean> {
    await this.#readiness.wait();
    const key = bucketKey(sid);
    const entry = await this.#bucket.get(key);
    if (entry !== null) await this.#bucket.swap(key, entry.value, entry);
    return entry !== null;
  }

  async forget(sid: string): Promise<void> {
    await this.#readiness.wait();
    await this.#bucket.remove(bucketKey(sid));
  }

  async revoke(identifiers: string): Promise<void> {
    const time = this.#revocations.add(identifiers);
    await this.#readiness.wait();
    await this.#bucket.put(revocationKey(identifiers), String(time));
  }
}

/** No sid has a key with a dot. */
function revocationKey(identifiers: string): string {
  return `revoked.${bucketKey(identifiers)}`;
}
