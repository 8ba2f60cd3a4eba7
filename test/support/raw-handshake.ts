import type { Socket } from "node:net";

const CRLF2 = "\r\n\r\n";
const ANSWER_LIMIT_MS = 15_000;

/** How a raw client opens its connection. */
export interface RawClientOptions {
  readonly host: string;
  readonly port: number;
  /** Path and query; `/cable` by default. */
  readonly path?: string;
  readonly method?: string;
  /** The value of `Sec-WebSocket-Protocol`; `null` sends none. Base JSON by default. */
  readonly subprotocol?: string | null;
  /** Added to the headers of a handshake, by any spelling; `null` leaves one of those out, a list repeats it. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
  /** Sent in the same write as the request, before any answer. */
  readonly early?: Uint8Array;
}

/** The answer to a handshake. */
export interface HandshakeResponse {
  readonly status: number;
  /** Names in lower case, repeated headers joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** Empty for 101. */
  readonly body: string;
}

/** The request, line by line as told. */
export function requestBytes(options: RawClientOptions): Buffer {
  const { host, port, path = "/cable", method = "GET" } = options;
  const { subprotocol = "actioncable-v1-json", headers = {} } = options;
  const lines = new Map<string, readonly [string, string | readonly string[] | null]>();
  const standard: Readonly<Record<string, string | null>> = {
    Host: `${host}:${port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64"),
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": subprotocol,
  };
  for (const [name, value] of [...Object.entries(standard), ...Object.entries(headers)]) {
    lines.set(name.toLowerCase(), [name, value]);
  }
  const text = [...lines.values()]
    .flatMap(([name, value]) => [value].flat().map((one) => [name, one] as const))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${text.join("")}\r\n`);
}

/** Reads the answer. @returns it and the bytes behind a 101 */
export async function readResponse(
  socket: Socket,
): Promise<{ readonly response: HandshakeResponse; readonly rest: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (): void =>
    reject(new Error(`no answer to the handshake, only ${bytes.length} bytes`));
  let bytes = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    if (isWhole(bytes)) resolve();
  };
  const timer = setTimeout(fail, ANSWER_LIMIT_MS);
  socket.on("data", onData).once("error", fail).once("close", fail);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.off("data", onData).off("error", fail).off("close", fail);
  }
  return parseResponse(bytes);
}

function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf(CRLF2);
  if (end < 0) return false;
  const { response } = parseResponse(bytes);
  const length = Number(response.headers.get("content-length") ?? 0);
  return response.status === 101 || bytes.length >= end + CRLF2.length + length;
}

function parseResponse(bytes: Buffer): {
  readonly response: HandshakeResponse;
  readonly rest: Buffer;
} {
  const end = bytes.indexOf(CRLF2);
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString().split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const status = Number(statusLine.split(" ")[1]);
  const rest = bytes.subarray(end + CRLF2.length);
  if (status === 101) return { response: { status, headers, body: "" }, rest };
  return { response: { status, headers, body: rest.toString() }, rest: Buffer.alloc(0) };
}
