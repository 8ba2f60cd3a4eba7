import type { ConnectRequest } from "../../messages/client.ts";
import type { Frame } from "../../messages/frame.ts";
import type { Connection } from "../../ports/connection.ts";
import type { Encoder } from "../../ports/encoder.ts";
import type { Gateway, Receiver } from "../../ports/gateway.ts";
import type { Log } from "../../ports/log.ts";
import type { Socket, SocketHandler } from "../socket-handler.ts";
import type { Batch } from "./batch.ts";
import type { ConnectionSlots } from "./connection-slots.ts";

/** What all connections of an endpoint share. */
export interface ConnectionDeps {
  readonly gateway: Gateway;
  readonly batch: Batch;
  readonly slots: ConnectionSlots;
  /** 0 or less: no limit. */
  readonly maxMessageBytes: number;
  readonly log: Log;
}

const NORMAL_CLOSES: readonly number[] = [1000, 1001, 1005];

/** A WebSocket under a session. */
export class WebSocketConnection implements Connection, SocketHandler {
  private socket: Socket | null = null;
  private receiver: Receiver | null = null;
  /** Needed until the session exists. */
  private opening: { request: ConnectRequest; encoder: Encoder } | null;
  private readonly deps: ConnectionDeps;
  private readonly sid: string;

  constructor(request: ConnectRequest, encoder: Encoder, deps: ConnectionDeps) {
    this.opening = { request, encoder };
    this.sid = request.sid;
    this.deps = deps;
  }

  // ---- from the session

  send(frames: readonly Frame[], start: number): number {
    return this.socket === null ? 0 : this.deps.batch.send(this.socket, frames, start);
  }

  bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  pause(): void {
    this.socket?.pause();
  }

  resume(): void {
    this.socket?.resume();
  }

  close(code: number, reason: string): void {
    if (code === 1006) this.socket?.terminate();
    else this.socket?.close(code, reason);
  }

  probe(): void {
    this.socket?.ping();
  }

  // ---- from the socket

  opened(socket: Socket): void {
    if (this.opening === null) return;
    const { request, encoder } = this.opening;
    this.opening = null;
    this.socket = socket;
    if (this.deps.log.isDebug) {
      this.deps.log.debug("WebSocket session established", { sid: this.sid });
    }
    this.receiver = this.deps.gateway.open(this, request, encoder);
  }

  received(data: string | Uint8Array): void {
    const max = this.deps.maxMessageBytes;
    if (max > 0 && byteLength(data) > max) {
      this.socket?.close(1009, "");
      return;
    }
    this.receiver?.receive(data);
  }

  drained(): void {
    this.receiver?.drained();
  }

  ponged(): void {
    this.receiver?.probed();
  }

  ended(code: number): void {
    if (this.deps.log.isDebug) this.logEnd(code);
    this.socket = null;
    this.deps.slots.release();
    this.receiver?.closed();
    this.receiver = null;
  }

  private logEnd(code: number): void {
    const { log } = this.deps;
    const isNormal = NORMAL_CLOSES.includes(code);
    log.debug(isNormal ? "WebSocket closed" : "WebSocket close error", { sid: this.sid, code });
    log.debug("WebSocket session completed", { sid: this.sid });
  }
}

function byteLength(data: string | Uint8Array): number {
  return typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
}
