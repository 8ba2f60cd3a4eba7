import { headers, type Msg } from "nats";
import { asJsonObject, type JsonObject, parseJsonObject } from "../../messages/json.ts";
import { ServerError } from "../../messages/server-error.ts";
import type { NatsLink } from "./link.ts";
import { natsError } from "./nats-error.ts";

/** How a stream is made; times are milliseconds, 0 keeps for ever. */
export interface StreamSettings {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxMessages: number;
  readonly maxMessagesPerSubject: number;
  readonly maxAgeMs: number;
  readonly replicas: number;
  /** For buckets: a message may stand for all before it (`Nats-Rollup`), nothing can be purged one by one otherwise. */
  readonly isBucket: boolean;
}

/** What a stream holds, as its leader sees it. */
export interface StreamState {
  readonly maxAgeMs: number;
  readonly maxMessages: number;
  /** When it was made: another time is another stream of the same name. */
  readonly created: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** One message of a stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: string;
  /** Milliseconds since the UNIX epoch, when the server took it. */
  readonly timeMs: number;
  /** True for the mark that a bucket's key was deleted. */
  readonly isDeletion: boolean;
}

/** What is special about one message. */
export interface PublishOptions {
  /** Taken only when the subject's last message has this number; 0: when it has none. */
  readonly expectedSequence?: number;
  /** Marks the key of a bucket as deleted. */
  readonly isDeletion?: boolean;
}

/** The part of a link that JetStream needs. */
export type JetStreamLink = Pick<NatsLink, "request" | "publish" | "subscribe">;

const TIMEOUT_MS = 1000;
const MANAGE_TIMEOUT_MS = 5000;
const NANOS_PER_MS = 1_000_000;
const NOT_FOUND = new Set([10059, 10037]);
const WRONG_SEQUENCE = new Set([10071, 10164]);
const NAME_IN_USE = 10058;

/**
 * The few questions to JetStream that this server has, each with a time limit. Answers come from the stream's leader:
 * what was acknowledged before is in them.
 * Every method throws ServerErrors: `nats_unavailable`, `nats_timeout`, `jetstream_refused`.
 * Source: NATS documentation, "JetStream wire API".
 */
export class JetStream {
  readonly #link: JetStreamLink;

  constructor(deps: { readonly link: JetStreamLink }) {
    this.#link = deps.link;
  }

  /** @returns null when there is no such stream */
  async state(stream: string): Promise<StreamState | null> {
    const answer = await this.#ask(`STREAM.INFO.${stream}`, null);
    return answer === null ? null : parseState(answer);
  }

  /**
   * Makes a stream. @returns false when there is one of that name with other settings, which it keeps
   * @throws {ServerError} `jetstream_refused` also when there are not enough servers for so many replicas
   */
  async create(settings: StreamSettings): Promise<boolean> {
    const config = encodeSettings(settings);
    const answer = await this.#manage(`STREAM.CREATE.${settings.name}`, config);
    const code = errorCode(answer);
    if (code === NAME_IN_USE) return false;
    requireSuccess(answer);
    return true;
  }

  /** Removes a stream with all it holds; one that is not there is fine. */
  async remove(stream: string): Promise<void> {
    const answer = await this.#manage(`STREAM.DELETE.${stream}`, null);
    if (!NOT_FOUND.has(errorCode(answer) ?? 0)) requireSuccess(answer);
  }

  /**
   * Stores a message. @returns its number
   * @throws {ServerError} `nats_unavailable` also when no stream listens to the subject; `jetstream_wrong_sequence` when
   *   the expectation does not hold
   */
  async publish(subject: string, data: string, options: PublishOptions = {}): Promise<number> {
    const message = await this.#link.request(subject, {
      payload: data,
      timeoutMs: TIMEOUT_MS,
      ...encodeOptions(options),
    });
    const answer = requireSuccess(parseAnswer(message));
    const sequence = answer["seq"];
    if (typeof sequence === "number") return sequence;
    throw natsError("jetstream_refused", "JetStream gave no number to a message");
  }

  /** @returns null when the stream, or a message with that number, is not there */
  async get(stream: string, sequence: number): Promise<StoredMessage | null> {
    return this.#getMessage(stream, { seq: sequence });
  }

  /** The newest message of a subject. @returns null when there is none */
  async last(stream: string, subject: string): Promise<StoredMessage | null> {
    return this.#getMessage(stream, { last_by_subj: subject });
  }

  /** What is API and may be refused with `not found`. @returns null then */
  async ask(question: string, body: JsonObject | null): Promise<JsonObject | null> {
    return this.#ask(question, body);
  }

  get link(): JetStreamLink {
    return this.#link;
  }

  async #getMessage(stream: string, question: JsonObject): Promise<StoredMessage | null> {
    const answer = await this.#ask(`STREAM.MSG.GET.${stream}`, question);
    const message = asJsonObject(answer?.["message"]);
    return message === null ? null : parseStored(message);
  }

  async #ask(question: string, body: JsonObject | null): Promise<JsonObject | null> {
    const payload = body === null ? "" : JSON.stringify(body);
    const request = { payload, timeoutMs: TIMEOUT_MS };
    const answer = parseAnswer(await this.#link.request(`$JS.API.${question}`, request));
    if (NOT_FOUND.has(errorCode(answer) ?? 0)) return null;
    return requireSuccess(answer);
  }

  async #manage(question: string, body: JsonObject | null): Promise<JsonObject> {
    const payload = body === null ? "" : JSON.stringify(body);
    const request = { payload, timeoutMs: MANAGE_TIMEOUT_MS };
    return parseAnswer(await this.#link.request(`$JS.API.${question}`, request));
  }
}

/** The answer without its refusal. @throws {ServerError} `jetstream_refused`, `jetstream_wrong_sequence` */
function requireSuccess(answer: JsonObject): JsonObject {
  const error = asJsonObject(answer["error"]);
  if (error === null) return answer;
  const code = errorCode(answer) ?? 0;
  const isSequence = WRONG_SEQUENCE.has(code);
  const text = `JetStream: ${String(error["description"] ?? "refused")}`;
  throw new ServerError(isSequence ? "jetstream_wrong_sequence" : "jetstream_refused", text, {
    details: { code },
  });
}

function errorCode(answer: JsonObject): number | null {
  const code = asJsonObject(answer["error"])?.["err_code"];
  return typeof code === "number" ? code : null;
}

function parseAnswer(message: Msg): JsonObject {
  const answer = parseJsonObject(message.string());
  if (answer !== null) return answer;
  throw natsError("jetstream_refused", "JetStream gave an answer that is no JSON object");
}

function parseState(answer: JsonObject): StreamState {
  const config = asJsonObject(answer["config"]) ?? {};
  const state = asJsonObject(answer["state"]) ?? {};
  return {
    maxAgeMs: number(config["max_age"]) / NANOS_PER_MS,
    maxMessages: number(config["max_msgs"]),
    created: String(answer["created"] ?? ""),
    firstSequence: number(state["first_seq"]),
    lastSequence: number(state["last_seq"]),
  };
}

function parseStored(message: JsonObject): StoredMessage {
  const head = decodeBase64(message["hdrs"]);
  return {
    subject: String(message["subject"] ?? ""),
    sequence: number(message["seq"]),
    data: decodeBase64(message["data"]),
    timeMs: Date.parse(String(message["time"] ?? "")),
    isDeletion: /^KV-Operation: (?:DEL|PURGE)\r?$/im.test(head),
  };
}

function encodeSettings(settings: StreamSettings): JsonObject {
  const { name, subjects, maxMessages, maxMessagesPerSubject, maxAgeMs, replicas } = settings;
  const limits = { max_msgs: maxMessages, max_age: maxAgeMs * NANOS_PER_MS, max_bytes: -1 };
  const bucket = { allow_rollup_hdrs: true, deny_delete: true, allow_direct: true };
  return {
    name,
    subjects,
    retention: "limits",
    discard: settings.isBucket ? "new" : "old",
    storage: "file",
    num_replicas: replicas,
    max_msgs_per_subject: maxMessagesPerSubject,
    duplicate_window:
      Math.min(maxAgeMs === 0 ? DEDUPLICATION_MS : maxAgeMs, DEDUPLICATION_MS) * NANOS_PER_MS,
    ...limits,
    ...(settings.isBucket ? bucket : {}),
  };
}

const DEDUPLICATION_MS = 120_000;

function encodeOptions({ expectedSequence, isDeletion }: PublishOptions) {
  if (expectedSequence === undefined && isDeletion !== true) return {};
  const list = headers();
  if (expectedSequence !== undefined) {
    list.set("Nats-Expected-Last-Subject-Sequence", String(expectedSequence));
  }
  if (isDeletion === true) list.set("KV-Operation", "DEL");
  return { headers: list };
}

function decodeBase64(text: unknown): string {
  return typeof text === "string" ? Buffer.from(text, "base64").toString() : "";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
