import type { TlsOptions } from "./grpc/tls.ts";

/** What the room needs to know. Source of names and defaults: spec "rpc", section 2. */
export interface RpcOptions {
  /** `grpc`, `http` or `none`; empty to tell by the host. */
  readonly implementation: string;
  readonly host: string;
  /** Calls at once; 0 finds out by itself, within the bounds that follow. */
  readonly concurrency: number;
  readonly concurrencyInitial: number;
  readonly concurrencyMin: number;
  readonly concurrencyMax: number;
  readonly tls: TlsOptions;
  /** Bearer token of HTTP RPC, given or derived; empty for none. */
  readonly secret: string;
  /** For one attempt; 0 for no limit. */
  readonly requestTimeoutMs: number;
  /** For a call with all its attempts; 0 or less for no limit. */
  readonly commandTimeoutMs: number;
  /** For one attempt over HTTP, where `requestTimeoutMs` is not to apply; 0 where it is. */
  readonly httpRequestTimeoutMs: number;
  /** Largest gRPC message taken; 0 for 4 MiB. */
  readonly maxRecvBytes: number;
  /** Largest gRPC message sent; 0 for 2 GiB. */
  readonly maxSendBytes: number;
  /** Versions of the protocol we speak, comma separated. */
  readonly protoVersions: string;
}

/**
 * The implementation meant by the options: as named, else by the scheme of the host.
 * @returns any word a user may have written; `<invalid RPC host: …>` for a host that cannot be read
 * Source: spec "rpc", section 3
 */
export function implementationOf(
  options: Pick<RpcOptions, "implementation" | "host">,
): "grpc" | "http" | "none" | (string & {}) {
  const { implementation, host } = options;
  if (implementation !== "") return implementation;
  const scheme = /^([^/]+):\/\//.exec(host)?.[1];
  if (scheme === undefined && host.includes("://")) return `<invalid RPC host: ${host}>`;
  return scheme === "http" || scheme === "https" ? "http" : "grpc";
}
