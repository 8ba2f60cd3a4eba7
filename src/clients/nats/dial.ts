import { type ConnectionOptions, connect, type NatsConnection } from "nats";
import { toNatsError } from "./nats-error.ts";
import type { NatsServerAddress } from "./server-address.ts";

/** How a connection presents itself and how soon it notices that nobody is there. */
export interface DialOptions {
  /** Shown in the server's list of clients. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly pingIntervalMs: number;
}

/**
 * One try to connect to one server. The library's own retries are off: the caller decides when to try again, where, and
 * what is said again on the new connection.
 * @throws {ServerError} `nats_unavailable`, `nats_timeout`, `nats_refused`
 */
export async function dial(
  address: NatsServerAddress,
  { name, timeoutMs, pingIntervalMs }: DialOptions,
): Promise<NatsConnection> {
  const options: ConnectionOptions = {
    servers: [address.hostPort],
    name,
    timeout: timeoutMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    reconnect: false,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    ...credentials(address),
    ...(address.isTls ? { tls: {} } : {}),
  };
  try {
    return await connect(options);
  } catch (error) {
    throw toNatsError(error);
  }
}

function credentials({ user, password, token }: NatsServerAddress): ConnectionOptions {
  if (token !== "") return { token };
  return user === "" ? {} : { user, pass: password };
}
