/** Where a client's knowledge of a stream ends. */
export interface StreamPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** What a client asks to be replayed: positions per stream, else everything since a UNIX time in seconds (0: not given). */
export interface HistoryRequest {
  readonly since: number;
  readonly streams: ReadonlyMap<string, StreamPosition> | null;
}

/** Who a client says it is in a presence set; `info` is JSON text, empty for none. */
export interface PresenceRequest {
  readonly id: string;
  readonly info: string;
}

/** A client's command, past decoding. Source: spec "protocol", section 7. */
export type Command =
  | {
      readonly command: "subscribe";
      readonly identifier: string;
      readonly history: HistoryRequest | null;
      readonly presence: PresenceRequest | null;
    }
  | { readonly command: "unsubscribe"; readonly identifier: string }
  | { readonly command: "message"; readonly identifier: string; readonly data: unknown }
  | {
      readonly command: "history";
      readonly identifier: string;
      readonly history: HistoryRequest | null;
    }
  | { readonly command: "whisper"; readonly identifier: string; readonly data: unknown }
  | {
      readonly command: "join";
      readonly identifier: string;
      readonly presence: PresenceRequest | null;
    }
  | { readonly command: "leave"; readonly identifier: string }
  | { readonly command: "presence"; readonly identifier: string; readonly data: unknown }
  | { readonly command: "ping" }
  | { readonly command: "pong" }
  | { readonly command: "unknown"; readonly name: string };

/** What decoding a client's frame gives: a command, nothing (`null` on the wire), or the reason why it is none. */
export type Decoded =
  | Command
  | { readonly command: "ignored" }
  | { readonly command: "malformed"; readonly error: string };
