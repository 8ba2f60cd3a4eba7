import type { ConnectRequest } from "../../messages/client.ts";
import type { Gateway } from "../../ports/gateway.ts";
import type { Log } from "../../ports/log.ts";
import { firstValue, headerText } from "../header-text.ts";
import { compileOrigins, type OriginCheck } from "../origin.ts";
import type { RequestInfo } from "../request-info.ts";
import { sessionParams } from "../session-params.ts";
import type { Subprotocol } from "../subprotocol.ts";
import type { UpgradeEndpoint, UpgradeServer } from "../upgrade-endpoint.ts";
import { Batch } from "./batch.ts";
import { type ConnectionDeps, WebSocketConnection } from "./connection.ts";
import type { ConnectionSlots } from "./connection-slots.ts";
import {
  checkHandshake,
  offeredSubprotocols,
  refusalResponse,
  selectSubprotocol,
} from "./handshake.ts";
import { compilePaths, type PathMatcher } from "./paths.ts";

/** How the WebSocket endpoint behaves; times in milliseconds, sizes in bytes. */
export interface WebSocketOptions {
  readonly paths: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly maxMessageBytes: number;
  readonly isCompressed: boolean;
  readonly pingIntervalMs: number;
  readonly pingPrecision: ConnectRequest["pingPrecision"];
  readonly version: string;
  readonly subprotocols: readonly Subprotocol[];
  /** For clients that asked for none we know. */
  readonly defaultSubprotocol: Subprotocol;
}

/**
 * The door for WebSocket clients. A handshake in order is always answered 101: who the client is, is settled
 * afterwards, on the open socket. Source: spec "protocol", section 1.
 */
export class WebSocketEndpoint implements UpgradeEndpoint {
  private readonly paths: PathMatcher;
  private readonly isAllowedOrigin: OriginCheck;
  private readonly connectionDeps: ConnectionDeps;
  private readonly options: WebSocketOptions;
  private readonly deps: {
    readonly info: RequestInfo;
    readonly slots: ConnectionSlots;
    readonly sid: () => string;
    readonly log: Log;
  };

  constructor(
    options: WebSocketOptions,
    deps: WebSocketEndpoint["deps"] & { readonly gateway: Gateway },
  ) {
    this.options = options;
    this.deps = deps;
    this.paths = compilePaths(options.paths);
    this.isAllowedOrigin = compileOrigins(options.allowedOrigins);
    const { gateway, slots, log } = deps;
    const { maxMessageBytes, isCompressed } = options;
    this.connectionDeps = {
      gateway,
      slots,
      log,
      maxMessageBytes,
      batch: new Batch({ isCompressed }),
    };
  }

  matches(path: string): boolean {
    return this.paths.matches(path);
  }

  owns(path: string): boolean {
    return this.paths.owns(path);
  }

  handle(
    request: Request,
    target: string,
    server: UpgradeServer,
  ): Response | undefined | Promise<Response | undefined> {
    const refusal = checkHandshake(request.method, request.headers, this.isAllowedOrigin);
    if (refusal !== null) {
      this.deps.log.debug("WebSocket connection upgrade failed", { status: refusal });
      return refusalResponse(refusal);
    }
    if (this.deps.slots.tryAcquire()) return this.upgradeInSlot(request, target, server);
    return this.upgradeLater(request, target, server);
  }

  stop(): void {
    this.deps.slots.close();
  }

  /** At the limit of connections the handshake waits, however long. */
  private async upgradeLater(
    request: Request,
    target: string,
    server: UpgradeServer,
  ): Promise<Response | undefined> {
    server.timeout(request, 0);
    const isGranted = await this.deps.slots.acquire(request.signal);
    if (!isGranted) return new Response(null, { status: 503, headers: { Connection: "close" } });
    return this.upgradeInSlot(request, target, server);
  }

  /** Gives the slot back whatever kept the client out; the socket gives back that of a client that is in. */
  private upgradeInSlot(
    request: Request,
    target: string,
    server: UpgradeServer,
  ): Response | undefined {
    let isUpgraded = false;
    try {
      isUpgraded = this.upgrade(request, target, server);
    } finally {
      if (!isUpgraded) this.deps.slots.release();
    }
    return isUpgraded ? undefined : refusalResponse(400);
  }

  /** Synchronous: after a real wait the runtime would refuse clients that sent their first frame already. */
  private upgrade(request: Request, target: string, server: UpgradeServer): boolean {
    const offers = offeredSubprotocols(request.headers);
    const selected = selectSubprotocol(offers, this.options.subprotocols);
    if (selected === null && offers.length > 0) this.logUnknown(offers);
    const { encoder, isExtended } = selected ?? this.options.defaultSubprotocol;
    const connect = this.connectRequest(request, target, server, isExtended);
    return server.upgrade(request, {
      data: new WebSocketConnection(connect, encoder, this.connectionDeps),
      headers: {
        // Without a value of its own the runtime echoes the client's first offer.
        "Sec-WebSocket-Protocol": selected?.name ?? "",
        "X-AnyCable-Version": this.options.version,
      },
    });
  }

  private connectRequest(
    request: Request,
    target: string,
    server: UpgradeServer,
    isExtended: boolean,
  ): ConnectRequest {
    const sid =
      headerText(firstValue(request.headers.get("x-request-id") ?? "")) || this.deps.sid();
    const params = sessionParams(target, request.headers);
    if (params.badPingInterval !== null) {
      this.deps.log.warn("invalid ping interval value, must be integer", {
        sid,
        val: params.badPingInterval,
      });
    }
    const address = server.requestIP(request)?.address ?? "";
    return {
      sid,
      env: this.deps.info.env(request, target, address),
      isExtended,
      restoreSid: params.restoreSid,
      pingIntervalMs: params.pingIntervalMs ?? this.options.pingIntervalMs,
      pingPrecision: params.pingPrecision ?? this.options.pingPrecision,
    };
  }

  private logUnknown(offers: readonly string[]): void {
    if (!this.deps.log.isDebug) return;
    this.deps.log.debug("no subprotocol negotiated", {
      // Tokens travel here too.
      client: offers.map((offer) =>
        offer.startsWith("anycable-token.") ? "anycable-token.…" : offer,
      ),
      server: this.options.subprotocols.map((subprotocol) => subprotocol.name),
    });
  }
}
