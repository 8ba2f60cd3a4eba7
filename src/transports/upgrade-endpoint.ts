import type { Server } from "bun";
import type { SocketHandler } from "./socket-handler.ts";

/** The runtime's server as endpoints see it. */
export type UpgradeServer = Pick<Server<SocketHandler>, "upgrade" | "requestIP" | "timeout">;

/** Takes over requests to its paths to make connections of them; passes no middleware. */
export interface UpgradeEndpoint {
  /** @param path as the client sent it, without the query */
  matches(path: string): boolean;
  /** True for a path named literally: no plain route may have it. */
  owns(path: string): boolean;
  /** @returns undefined when the request was upgraded */
  handle(
    request: Request,
    target: string,
    server: UpgradeServer,
  ): Response | undefined | Promise<Response | undefined>;
  /** Sends away whoever still waits to be let in: the listener takes no more connections. */
  stop(): void;
}
