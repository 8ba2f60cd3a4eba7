import type { Socket, SocketHandler } from "bun";
import { errorText } from "../../src/messages/server-error.ts";
import { jsonFrame } from "./client-frames.ts";
import { Dialogue, type DialogueClient, type DialogueOptions, PHASE } from "./dialogue.ts";

/** Where and as what the clients connect. */
export interface FleetOptions
  extends Pick<DialogueOptions, "identifier" | "protocol" | "subscribeWith" | "onFrame"> {
  /** `ws://host:port/path`. */
  readonly url: string;
  readonly clients: number;
}

/** Receives the number of a message that has one; called in the order of arrival per client. */
export type MessageSink = (index: number, sequence: number) => void;

/**
 * Many Action Cable clients on raw TCP: each connects, waits for the welcome, subscribes to one identifier and is
 * live once confirmed. A client that fails on the way, or is closed by the server later, counts as failed.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #url: URL;
  readonly #dialogue: Dialogue;
  readonly #clients: FleetClient[] = [];
  #onProgress: () => void = () => {};
  #isClosing = false;
  #live = 0;
  #failed = 0;
  #firstFailure: string | null = null;

  constructor(options: FleetOptions, onMessage: MessageSink) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#dialogue = new Dialogue({
      ...options,
      url: this.#url,
      onMessage,
      onLive: () => {
        this.#live++;
        this.#onProgress();
      },
    });
  }

  /** Clients refused, rejected or cut. */
  get failed(): number {
    return this.#failed;
  }

  /** Why the first failed client failed. */
  get firstFailure(): string | null {
    return this.#firstFailure;
  }

  /**
   * Starts all clients, at most `inFlight` of them between connect and confirmation, and resolves when each is
   * live or has failed, or when nothing has happened for `stallMs` (those left behind then count as failed).
   */
  connect(inFlight: number, stallMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const total = this.#options.clients;
    const finish = () => {
      clearTimeout(stall);
      this.#onProgress = () => {};
      resolve();
    };
    const stall = setTimeout(() => {
      finish();
      const left = total - this.#live - this.#failed;
      this.#fail(`${left} clients were not confirmed: ${stallMs} ms of silence`, left);
    }, stallMs);
    this.#onProgress = () => {
      stall.refresh();
      if (this.#clients.length < total) this.#open();
      else if (this.#live + this.#failed >= total) finish();
    };
    for (let i = Math.min(inFlight, total); i > 0; i--) this.#open();
    return promise;
  }

  /** Sends a `message` command with `data` (JSON text) for the identifier of client number `index`. */
  perform(index: number, data: string): void {
    this.command(index, { command: "message", data });
  }

  /** Sends `command` for the identifier of client number `index`. */
  command(index: number, command: object): void {
    const identifier = this.#options.identifier(index);
    this.#clients[index]?.write(jsonFrame({ ...command, identifier }));
  }

  /** Resets every connection, without a closing handshake so that no port stays in TIME_WAIT. */
  close(): void {
    this.#isClosing = true;
    for (const client of this.#clients) client.socket?.terminate();
    this.#clients.length = 0;
    this.#live = 0;
  }

  #open(): void {
    const client = new FleetClient(this.#clients.length);
    this.#clients.push(client);
    Bun.connect<FleetClient>({
      hostname: this.#url.hostname,
      port: Number(this.#url.port) || 80,
      data: client,
      socket: this.#handlers,
    }).catch((error: unknown) => this.#gone(client, `connect: ${errorText(error)}`));
  }

  readonly #handlers: SocketHandler<FleetClient> = {
    open: (socket) => {
      socket.data.socket = socket;
      this.#dialogue.opened(socket.data);
    },
    data: (socket, chunk) => {
      try {
        this.#dialogue.received(socket.data, chunk);
      } catch (error) {
        this.#gone(socket.data, errorText(error));
      }
    },
    close: (socket) => this.#gone(socket.data, "closed by the server"),
    error: (socket, error) => this.#gone(socket.data, error.message),
    connectError: (socket, error) => this.#gone(socket.data, `connect: ${error.message}`),
  };

  #gone(client: FleetClient, reason: string): void {
    if (this.#isClosing || client.phase === PHASE.gone) return;
    if (client.phase === PHASE.live) this.#live--;
    client.phase = PHASE.gone;
    client.socket?.terminate();
    this.#fail(reason, 1);
  }

  #fail(reason: string, clients: number): void {
    this.#firstFailure ??= reason;
    this.#failed += clients;
    this.#onProgress();
  }
}

class FleetClient implements DialogueClient {
  readonly index: number;
  phase: DialogueClient["phase"] = PHASE.handshake;
  rest: Uint8Array | null = null;
  socket: Socket<FleetClient> | null = null;

  constructor(index: number) {
    this.index = index;
  }

  /** A server that does not even take a command's bytes is cut, which counts the client as failed. */
  write(bytes: Uint8Array): void {
    if (this.socket && this.socket.write(bytes) !== bytes.length) this.socket.terminate();
  }
}
