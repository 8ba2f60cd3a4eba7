import { ServerError } from "../../src/messages/server-error.ts";
import { Arrivals } from "./arrivals.ts";
import { Fleet } from "./fleet.ts";
import type { Loss } from "./loss-checker.ts";
import { Meter, type Stretch } from "./meter.ts";
import type { Target } from "./scenario.ts";
import { identifierOf, STALL_MS } from "./target-identifier.ts";

const PROTOCOL = "actioncable-v1-ext-json";
/** Questions under way at once, each of another client. */
const ASKING = 16;
const INFO = Buffer.from('"message":{"type":"info"');
/** Where the answer says what it is, at the latest. */
const INFO_WITHIN = 400;

/** Clients of one stream who become its members. Everybody must be told of every join once, and all in the same order. */
export class PresenceRoom {
  readonly #members: number;
  readonly #fleet: Fleet;
  readonly #arrivals: Arrivals;
  readonly #meter: Meter;
  /** Joins are seen in the same order by all, whichever it is: a member's place in it, by number. */
  readonly #places = new Map<number, number>();
  #answers = 0;
  #onAnswer: (client: number) => void = () => {};

  constructor(target: Target, members: number, stream: string) {
    this.#members = members;
    this.#meter = new Meter(target.pid);
    this.#arrivals = new Arrivals(members, STALL_MS);
    this.#arrivals.checker.sent(members);
    const identifier = identifierOf(target, stream);
    this.#fleet = new Fleet(
      {
        url: target.url,
        clients: members,
        protocol: PROTOCOL,
        identifier: () => identifier,
        onFrame: (...frame) => this.#read(...frame),
      },
      (client, member) => this.#arrivals.received(client, this.#place(member)),
    );
  }

  get loss(): Loss {
    return this.#arrivals.checker.report();
  }

  get failedClients(): number {
    return this.#fleet.failed;
  }

  get firstFailure(): string | null {
    return this.#fleet.firstFailure;
  }

  /** All clients connect and subscribe. @throws {ServerError} `clients_failed` when one does not get in */
  async enter(): Promise<void> {
    await this.#fleet.connect(this.#members, STALL_MS);
    if (this.failedClients > 0) throw new ServerError("clients_failed", "not all got in");
    await this.#meter.quiet();
  }

  /** All join at once; ends when the last one has been told of the last. */
  async join(): Promise<Stretch> {
    const end = this.#meter.start();
    for (let client = 0; client < this.#members; client++) {
      const presence = { id: `user-${client + 1}`, info: { seq: client + 1, name: "Somebody" } };
      this.#fleet.command(client, { command: "join", presence });
    }
    await this.#arrivals.until(this.#members * this.#members);
    const stretch = end();
    await this.#arrivals.linger();
    return stretch;
  }

  /** Asks who is there. @throws {ServerError} `answers_missing` when not all questions are answered in time */
  async ask(questions: number): Promise<Stretch> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stall = setTimeout(() => {
      const text = `${this.#answers} of ${questions} answers`;
      reject(new ServerError("answers_missing", text));
    }, STALL_MS);
    const question = (client: number) => this.#fleet.command(client, { command: "presence" });
    let asked = ASKING;
    const end = this.#meter.start();
    this.#onAnswer = (client) => {
      if (this.#answers === questions) resolve();
      else if (asked++ < questions) question(client);
    };
    for (let client = 0; client < ASKING; client++) question(client);
    try {
      await promise;
      return end();
    } finally {
      clearTimeout(stall);
    }
  }

  /** Does nothing for a while. */
  async watch(seconds: number): Promise<Stretch> {
    await this.#meter.quiet();
    const end = this.#meter.start();
    await Bun.sleep(seconds * 1000);
    return end();
  }

  close(): void {
    this.#fleet.close();
  }

  #place(member: number): number {
    const known = this.#places.get(member);
    if (known !== undefined) return known;
    this.#places.set(member, this.#places.size + 1);
    return this.#places.size;
  }

  #read(client: number, bytes: Uint8Array, start: number, end: number): boolean {
    const head = Buffer.from(
      bytes.buffer,
      bytes.byteOffset + start,
      Math.min(end - start, INFO_WITHIN),
    );
    if (!head.includes(INFO)) return false;
    this.#check(Buffer.from(bytes.subarray(start, end)).toString());
    this.#answers++;
    this.#onAnswer(client);
    return true;
  }

  /** @throws {ServerError} `wrong_presence` unless all members are in the answer, each once */
  #check(text: string): void {
    const { message } = JSON.parse(text);
    const ids = new Set(message.records.map((record: { id: string }) => record.id));
    if (message.total === this.#members && ids.size === this.#members) return;
    throw new ServerError("wrong_presence", `${message.total} in total, ${ids.size} records`);
  }
}
