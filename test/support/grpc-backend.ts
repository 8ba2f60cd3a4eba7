import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type CommandMessage,
  CommandMessageSchema,
  CommandResponseSchema,
  type ConnectionRequest,
  ConnectionRequestSchema,
  ConnectionResponseSchema,
  type DisconnectRequest,
  DisconnectRequestSchema,
  DisconnectResponseSchema,
  Status,
} from "../../protos/gen/rpc_pb.js";
import type {
  GrpcAnswer,
  GrpcBackendSettings,
  GrpcCallRecord,
  GrpcMethod,
  GrpcOrder,
  GrpcReport,
  GrpcRule,
} from "./grpc-backend-messages.ts";

/** A call the application got, decoded. */
export type GrpcCall = Omit<GrpcCallRecord, "bytes" | "method"> &
  (
    | { readonly method: "Connect"; readonly request: ConnectionRequest }
    | { readonly method: "Command"; readonly request: CommandMessage }
    | { readonly method: "Disconnect"; readonly request: DisconnectRequest }
  );

/** Text frames of the default script. */
export const WELCOME = '{"type":"welcome"}';
export function confirmation(identifier: string): string {
  return JSON.stringify({ identifier, type: "confirm_subscription" });
}

type ConnectFields = MessageInitShape<typeof ConnectionResponseSchema>;
type CommandFields = MessageInitShape<typeof CommandResponseSchema>;
type DisconnectFields = MessageInitShape<typeof DisconnectResponseSchema>;

/** Answers for a script. `SUCCESS` unless the fields name another status. */
export const answers = {
  connect: (fields: ConnectFields = {}, delayMs = 0): GrpcAnswer =>
    reply(
      toBinary(
        ConnectionResponseSchema,
        create(ConnectionResponseSchema, { status: Status.SUCCESS, ...fields }),
      ),
      delayMs,
    ),
  command: (fields: CommandFields = {}, delayMs = 0): GrpcAnswer =>
    reply(
      toBinary(
        CommandResponseSchema,
        create(CommandResponseSchema, { status: Status.SUCCESS, ...fields }),
      ),
      delayMs,
    ),
  disconnect: (fields: DisconnectFields = {}, delayMs = 0): GrpcAnswer =>
    reply(
      toBinary(
        DisconnectResponseSchema,
        create(DisconnectResponseSchema, { status: Status.SUCCESS, ...fields }),
      ),
      delayMs,
    ),
  /** These bytes, whatever they mean. */
  bytes: (bytes: Uint8Array): GrpcAnswer => reply(bytes, 0),
  /** @param code number of the gRPC status: 8 exhausted, 13 internal, 14 unavailable … */
  error: (code: number, message = "oops", delayMs = 0): GrpcAnswer => ({
    kind: "error",
    code,
    message,
    delayMs,
  }),
  hang: (): GrpcAnswer => ({ kind: "hang" }),
};

export interface GrpcBackendOptions {
  readonly listen?: string;
  /** Options of the gRPC library: `grpc.max_concurrent_streams`, `grpc.max_connection_age_ms` … */
  readonly channelOptions?: Readonly<Record<string, number>>;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/**
 * A real gRPC application in its own process. Without a script it lets everybody in (identifiers `me`),
 * confirms the channel `Chat` and says yes to everything else. Stop it yourself.
 */
export async function startGrpcBackend(
  options: GrpcBackendOptions = {},
): Promise<GrpcBackendProcess> {
  const backend = new GrpcBackendProcess({
    listen: options.listen ?? "127.0.0.1:0",
    channelOptions: options.channelOptions ?? {},
    tls: options.tls ?? null,
  });
  await backend.script();
  return backend;
}

export class GrpcBackendProcess {
  readonly calls: GrpcCall[] = [];
  /** Calls that the caller gave up. */
  readonly canceled: GrpcMethod[] = [];
  /** 0 for a Unix socket. */
  port = 0;
  private readonly child: Bun.Subprocess;
  private readonly waiters = new Set<() => void>();
  private readonly reports = new Set<GrpcReport["report"]>();
  private isStopped = false;

  constructor(settings: GrpcBackendSettings) {
    const script = new URL("./grpc-backend-process.ts", import.meta.url).pathname;
    this.child = Bun.spawn([process.execPath, script, JSON.stringify(settings)], {
      stdout: "inherit",
      stderr: "inherit",
      ipc: (message: GrpcReport) => this.receive(message),
      onExit: () => {
        this.isStopped = true;
        this.wake();
      },
    });
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The calls of one method, in order. */
  named<M extends GrpcMethod>(method: M): Extract<GrpcCall, { method: M }>[] {
    return this.calls.filter(
      (call): call is Extract<GrpcCall, { method: M }> => call.method === method,
    );
  }

  /** Says how to answer; the default script stays in force behind these rules. */
  async script(
    ...rules: readonly { method: GrpcMethod; contains?: string; answers: readonly GrpcAnswer[] }[]
  ): Promise<void> {
    await this.until(() => this.reports.has("listening"));
    this.reports.delete("rules");
    const all = [...rules.map((rule) => ({ contains: "", ...rule })), ...DEFAULT_RULES];
    this.order({ order: "rules", rules: all });
    await this.until(() => this.reports.has("rules"));
  }

  /** Resolves when so many calls have come. */
  async called(count: number): Promise<readonly GrpcCall[]> {
    await this.until(() => this.calls.length >= count);
    return this.calls;
  }

  /** Resolves when `calls` holds every call that was answered before. */
  async settled(): Promise<readonly GrpcCall[]> {
    this.reports.delete("settled");
    this.order({ order: "settle" });
    await this.until(() => this.reports.has("settled"));
    return this.calls;
  }

  /** Resolves when the condition holds; it is looked at after every report of the process. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.isStopped) throw new Error("the gRPC backend has ended");
      await new Promise<void>((resolve) => this.waiters.add(resolve));
    }
  }

  /** Ends as an application does that is asked to: GOAWAY, running calls finish. */
  async drain(): Promise<void> {
    this.order({ order: "drain" });
    await this.until(() => this.reports.has("drained"));
    await this.stop();
  }

  /** Ends at once. */
  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private order(order: GrpcOrder): void {
    this.child.send(order);
  }

  private receive(message: GrpcReport): void {
    this.reports.add(message.report);
    if (message.report === "listening") this.port = message.port;
    if (message.report === "call") this.calls.push(decode(message.call));
    if (message.report === "canceled") this.canceled.push(message.method);
    this.wake();
  }

  private wake(): void {
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const wake of waiters) wake();
  }
}

function reply(bytes: Uint8Array, delayMs: number): GrpcAnswer {
  return { kind: "reply", bytes, delayMs };
}

/** The identifier that the default script confirms. */
export const CHAT = '{"channel":"Chat"}';

const DEFAULT_RULES: readonly GrpcRule[] = [
  {
    method: "Connect",
    contains: "",
    answers: [answers.connect({ identifiers: "me", transmissions: [WELCOME] })],
  },
  {
    method: "Command",
    contains: "\n\tsubscribe",
    answers: [answers.command({ transmissions: [confirmation(CHAT)] })],
  },
  { method: "Command", contains: "", answers: [answers.command()] },
  { method: "Disconnect", contains: "", answers: [answers.disconnect()] },
];

function decode({ bytes, method, ...rest }: GrpcCallRecord): GrpcCall {
  switch (method) {
    case "Connect":
      return { ...rest, method, request: fromBinary(ConnectionRequestSchema, bytes) };
    case "Command":
      return { ...rest, method, request: fromBinary(CommandMessageSchema, bytes) };
    case "Disconnect":
      return { ...rest, method, request: fromBinary(DisconnectRequestSchema, bytes) };
  }
}
