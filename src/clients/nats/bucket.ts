import { createHash } from "node:crypto";
import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { JetStream, StoredMessage } from "./jetstream.ts";
import { readStream } from "./read-stream.ts";

/** A key-value bucket: `ttlMs` is the life of every value from its last writing on. */
export interface BucketOptions {
  readonly name: string;
  readonly ttlMs: number;
  readonly replicas: number;
}

/** What is kept under a key. */
export interface BucketEntry {
  readonly key: string;
  readonly value: string;
  /** Another number is another value. */
  readonly revision: number;
}

/**
 * A key-value bucket of JetStream, readable by other NATS clients. Keys must be subjects: see `bucketKey`.
 * Every method throws what `JetStream` throws.
 */
export class Bucket {
  readonly #options: BucketOptions;
  readonly #jetstream: JetStream;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(
    options: BucketOptions,
    deps: { readonly jetstream: JetStream; readonly clock: Clock; readonly log: Log },
  ) {
    this.#options = options;
    this.#jetstream = deps.jetstream;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** The subject of a key; changes are published there. */
  subject(key: string): string {
    return `$KV.${this.#options.name}.${key}`;
  }

  /**
   * Makes the bucket if it is missing; anew, with a warning, when it has another time to live: a bucket keeps the old one
   * silently. @returns true when it was there with all it holds
   */
  async open(): Promise<boolean> {
    const { name, ttlMs } = this.#options;
    const state = await this.#jetstream.state(this.#stream);
    if (state !== null && Math.abs(state.maxAgeMs - ttlMs) < 1) return true;
    if (state !== null) {
      this.#log.warn("bucket TTL has been changed, recreating the bucket", { bucket: name });
      await this.#jetstream.remove(this.#stream);
    }
    await this.#create();
    return false;
  }

  /** True when there is no such bucket any more. */
  async isMissing(): Promise<boolean> {
    return (await this.#jetstream.state(this.#stream)) === null;
  }

  async get(key: string): Promise<BucketEntry | null> {
    const message = await this.#jetstream.last(this.#stream, this.subject(key));
    return message === null ? null : this.#entry(message);
  }

  /** @returns the revision */
  put(key: string, value: string): Promise<number> {
    return this.#jetstream.publish(this.subject(key), value);
  }

  /**
   * Writes only if the key is as the caller knows it.
   * @param known null: nothing is kept under it. @returns the new revision; null when it has changed
   */
  async swap(key: string, value: string | null, known: BucketEntry | null): Promise<number | null> {
    const subject = this.subject(key);
    try {
      return await this.#write(subject, value, known?.revision ?? 0);
    } catch (error) {
      if (!isWrongSequence(error)) throw error;
      return known === null ? this.#overwriteDeletion(key, value) : null;
    }
  }

  async remove(key: string): Promise<void> {
    await this.#jetstream.publish(this.subject(key), "", { isDeletion: true });
  }

  /** Everything whose key matches, `*` for one part and `>` for all that follow. */
  async list(pattern: string): Promise<readonly BucketEntry[]> {
    const range = { stream: this.#stream, newestOf: this.subject(pattern) };
    const messages = await readStream(range, { jetstream: this.#jetstream, clock: this.#clock });
    return (messages ?? [])
      .map((message) => this.#entry(message))
      .filter((entry) => entry !== null);
  }

  get #stream(): string {
    return `KV_${this.#options.name}`;
  }

  #write(subject: string, value: string | null, expectedSequence: number): Promise<number> {
    const isDeletion = value === null;
    return this.#jetstream.publish(subject, value ?? "", { expectedSequence, isDeletion });
  }

  /** A deleted key has a last message, too: its mark. */
  async #overwriteDeletion(key: string, value: string | null): Promise<number | null> {
    const mark = await this.#jetstream.last(this.#stream, this.subject(key));
    if (mark !== null && !mark.isDeletion) return null;
    try {
      return await this.#write(this.subject(key), value, mark?.sequence ?? 0);
    } catch (error) {
      if (isWrongSequence(error)) return null;
      throw error;
    }
  }

  async #create(): Promise<void> {
    const { name, ttlMs, replicas } = this.#options;
    await this.#jetstream.create({
      name: this.#stream,
      subjects: [`$KV.${name}.>`],
      maxMessages: -1,
      maxMessagesPerSubject: 1,
      maxAgeMs: ttlMs,
      replicas,
      isBucket: true,
    });
  }

  #entry(message: StoredMessage): BucketEntry | null {
    if (message.isDeletion) return null;
    const key = message.subject.slice(this.subject("").length);
    return { key, value: message.data, revision: message.sequence };
  }
}

const MAX_KEY_CHARACTERS = 200;

/**
 * A part of a bucket's key for any text, without dots: the text itself where that is allowed, so that it is the same for
 * nodes of the reference; otherwise encoded; for long ones a digest. Different texts have different keys.
 */
export function bucketKey(text: string): string {
  const isPlain = /^[-_=/a-zA-Z0-9]+$/.test(text) && !/^=[bh]=/.test(text);
  if (isPlain && text.length <= MAX_KEY_CHARACTERS) return text;
  const encoded = Buffer.from(text).toString("base64url");
  if (encoded.length <= MAX_KEY_CHARACTERS) return `=b=${encoded}`;
  return `=h=${createHash("sha256").update(text).digest("base64url")}`;
}

function isWrongSequence(error: unknown): boolean {
  return error instanceof ServerError && error.code === "jetstream_wrong_sequence";
}
