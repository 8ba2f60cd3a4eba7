import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import { type Client, createClient } from "@connectrpc/connect";
import {
  type CommandMessage,
  type CommandResponse,
  type ConnectionRequest,
  type ConnectionResponse,
  type DisconnectRequest,
  type DisconnectResponse,
  RPC,
} from "../../../../protos/gen/rpc_pb.js";
import { errorText, type ServerError } from "../../../messages/server-error.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Log } from "../../../ports/log.ts";
import type { Attempt, Backend } from "../backend.ts";
import { batched } from "./batched-socket.ts";
import { Channel } from "./channel.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { Readiness } from "./readiness.ts";
import { RequestHeaders } from "./request-headers.ts";
import { createResolver, type Resolver } from "./resolver.ts";
import { failureOf } from "./status.ts";
import { type Address, parseTarget } from "./target.ts";
import { dialTls, type TlsSettings } from "./tls.ts";
import { GrpcTransport } from "./transport.ts";

export interface GrpcBackendOptions {
  /** As the user gave it. @see parseTarget */
  readonly host: string;
  /** null for plain text. */
  readonly tls: TlsSettings | null;
  /** Largest message taken; 0 for 4 MiB. */
  readonly maxRecvBytes: number;
  /** Largest message sent; 0 for 2 GiB. */
  readonly maxSendBytes: number;
  readonly protoVersions: string;
}

export interface GrpcBackendDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** With its context. */
  readonly log: Log;
}

const DEFAULT_MAX_RECV_BYTES = 4_194_304;
const DEFAULT_MAX_SEND_BYTES = 2_147_483_647;
const IDLE_TIMEOUT_MS = 30 * 60_000;
const CONNECT_TIMEOUT_MS = 20_000;
const KEEPALIVE_INTERVAL_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
const USER_AGENT = "grpc-cableway/1";

/** The application behind gRPC. Connects with the first call. */
export class GrpcBackend implements Backend {
  private readonly options: GrpcBackendOptions;
  private readonly deps: GrpcBackendDeps;
  private readonly channel: Channel;
  private readonly readiness: Readiness;
  private readonly client: Client<typeof RPC>;
  private keepaliveIntervalMs = KEEPALIVE_INTERVAL_MS;

  constructor(options: GrpcBackendOptions, deps: GrpcBackendDeps) {
    this.options = options;
    this.deps = deps;
    const { clock, random, log } = deps;
    this.channel = new Channel(
      { idleTimeoutMs: IDLE_TIMEOUT_MS },
      {
        clock,
        random,
        log,
        resolver: resolverOf(options.host, log),
        createConnection: (address, owner) => this.createConnection(address, owner),
      },
    );
    this.readiness = new Readiness({ channel: this.channel, log });
    const maxRecvBytes = options.maxRecvBytes || DEFAULT_MAX_RECV_BYTES;
    const maxSendBytes = options.maxSendBytes || DEFAULT_MAX_SEND_BYTES;
    const transport = new GrpcTransport(
      { maxRecvBytes, maxSendBytes },
      { clock, channel: this.channel },
    );
    this.client = createClient(RPC, transport);
  }

  connect(request: ConnectionRequest, attempt: Attempt): Promise<ConnectionResponse> {
    return this.client.connect(request, callOptions(attempt));
  }

  command(request: CommandMessage, attempt: Attempt): Promise<CommandResponse> {
    return this.client.command(request, callOptions(attempt));
  }

  disconnect(request: DisconnectRequest, attempt: Attempt): Promise<DisconnectResponse> {
    return this.client.disconnect(request, callOptions(attempt));
  }

  failureOf(error: unknown): ServerError {
    return failureOf(error);
  }

  refusal(): ServerError | null {
    return this.readiness.refusal();
  }

  connections(): number {
    return this.channel.openConnections;
  }

  close(): void {
    this.channel.close();
  }

  private createConnection(address: Address, owner: ConnectionOwner): Connection {
    const { tls, protoVersions } = this.options;
    const isTls = tls !== null;
    const { authority } = address;
    return new Connection(
      {
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        keepaliveIntervalMs: this.keepaliveIntervalMs,
        keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS,
        isTls,
      },
      {
        clock: this.deps.clock,
        headers: new RequestHeaders({ isTls, authority, userAgent: USER_AGENT, protoVersions }),
        dial: () => dial(address, tls),
        owner,
        tooManyPings: () => {
          this.keepaliveIntervalMs *= 2;
        },
      },
    );
  }
}

function callOptions(attempt: Attempt): Parameters<Client<typeof RPC>["connect"]>[1] {
  const headers = { sid: attempt.sid };
  if (attempt.signal === null) {
    return attempt.timeoutMs > 0 ? { headers, timeoutMs: attempt.timeoutMs } : { headers };
  }
  const { signal } = attempt;
  if (attempt.timeoutMs > 0) return { headers, timeoutMs: attempt.timeoutMs, signal };
  return { headers, signal };
}

/** A host that cannot be understood is no reason not to start: every call is told why it fails. */
function resolverOf(host: string, log: Log): Resolver {
  const skip = (addr: string) => log.warn("no usable RPC address, skipped", { addr });
  try {
    return createResolver(parseTarget(host, skip));
  } catch (error) {
    return {
      isDynamic: false,
      resolve: () => Promise.reject(new Error(errorText(error), { cause: error })),
    };
  }
}

function dial({ endpoint, serverName }: Address, tls: TlsSettings | null): Duplex {
  const place =
    endpoint.kind === "unix"
      ? { path: endpoint.path }
      : { host: endpoint.host, port: endpoint.port };
  return tls === null ? batched(connectSocket(place)) : dialTls(place, serverName, tls);
}
