import { createInbox, type Msg } from "nats";
import { asJsonObject, type JsonObject } from "../../messages/json.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { JetStream, StoredMessage } from "./jetstream.ts";
import { natsError } from "./nats-error.ts";

/** What to read: all from a number on, or the newest message of every subject that matches. */
export type StreamRange =
  | { readonly stream: string; readonly fromSequence: number }
  | { readonly stream: string; readonly newestOf: string };

const IDLE_LIMIT_MS = 1000;
/** How long the server keeps the reader when nobody takes it away. */
const ABANDONED_NANOS = 5_000_000_000;
const NANOS_PER_MS = 1_000_000;

/**
 * Reads many messages at once, in ascending number; what is stored meanwhile may be among them or not.
 * @returns null when there is no such stream
 * @throws {ServerError} `nats_timeout` when a second passes without a message, and what `JetStream` throws
 */
export async function readStream(
  range: StreamRange,
  deps: { readonly jetstream: JetStream; readonly clock: Clock },
): Promise<readonly StoredMessage[] | null> {
  const { jetstream } = deps;
  const inbox = createInbox();
  const collected = new Collected(deps.clock);
  const subscription = jetstream.link.subscribe(inbox, (message) => collected.take(message));
  let consumer = "";
  try {
    const question = { stream_name: range.stream, config: encodeConsumer(range, inbox) };
    const answer = await jetstream.ask(`CONSUMER.CREATE.${range.stream}`, question);
    if (answer === null) return null;
    consumer = String(answer["name"] ?? "");
    if (!isEmpty(answer)) await collected.all();
    return collected.messages;
  } finally {
    subscription.close();
    collected.cancel();
    // Nobody waits for it: the server takes away abandoned readers itself, a little later.
    if (consumer !== "") {
      jetstream.link.publish(`$JS.API.CONSUMER.DELETE.${range.stream}.${consumer}`, "");
    }
  }
}

/** Messages up to the one that says that none is behind it. */
class Collected {
  readonly messages: StoredMessage[] = [];
  readonly #clock: Clock;
  readonly #complete = Promise.withResolvers<void>();
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#complete.promise.catch(() => undefined);
    this.#restart();
  }

  all(): Promise<void> {
    return this.#complete.promise;
  }

  take(message: Msg): void {
    const position = parseDelivery(message.reply ?? "");
    // A status of the server (heartbeat) is no message.
    if (position === null) return;
    this.messages.push({
      subject: message.subject,
      sequence: position.sequence,
      data: message.string(),
      timeMs: position.timeMs,
      isDeletion: /^(?:DEL|PURGE)$/.test(message.headers?.get("KV-Operation") ?? ""),
    });
    if (position.pending === 0) this.#complete.resolve();
    else this.#restart();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #restart(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(IDLE_LIMIT_MS, () =>
      this.#complete.reject(
        natsError("nats_timeout", "JetStream stopped in the middle of a stream"),
      ),
    );
  }
}

function encodeConsumer(range: StreamRange, inbox: string): JsonObject {
  const selection =
    "newestOf" in range
      ? { deliver_policy: "last_per_subject", filter_subject: range.newestOf }
      : { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(1, range.fromSequence) };
  return {
    ...selection,
    deliver_subject: inbox,
    ack_policy: "none",
    replay_policy: "instant",
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: ABANDONED_NANOS,
  };
}

function isEmpty(answer: JsonObject): boolean {
  const delivered = asJsonObject(answer["delivered"])?.["consumer_seq"] ?? 0;
  return answer["num_pending"] === 0 && delivered === 0;
}

/**
 * Where a message comes from, as its reply subject tells; with or without domain and account in front.
 *
 *     $JS.ACK.<stream>.<consumer>.<delivered>.<stream number>.<consumer number>.<time>.<pending>
 *     $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<stream number>.<consumer number>.<time>.<pending>[.<token>]
 */
function parseDelivery(
  reply: string,
): { readonly sequence: number; readonly timeMs: number; readonly pending: number } | null {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return null;
  const start = tokens.length === 9 ? 5 : 7;
  return {
    sequence: Number(tokens[start]),
    timeMs: Number(tokens[start + 2]) / NANOS_PER_MS,
    pending: Number(tokens[start + 3]),
  };
}
