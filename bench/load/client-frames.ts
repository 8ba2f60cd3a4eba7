/** Opcodes of RFC 6455 the load generator meets. */
export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/**
 * A client frame for `payload`. The mask is four zero bytes, which RFC 6455 allows and which costs no pass over
 * the payload.
 */
export function clientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + extra + 4;
  const frame = Buffer.alloc(start + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) frame.writeUInt16BE(length, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(payload, start);
  return frame;
}

/** A text frame with `value` as JSON. */
export function jsonFrame(value: unknown): Uint8Array {
  return clientFrame(OPCODE.text, Buffer.from(JSON.stringify(value)));
}

/** The opening request for `url` (`ws://host:port/path`), asking for `protocol` and for no compression. */
export function handshakeRequest(url: URL, protocol: string): Uint8Array {
  return Buffer.from(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      `Sec-WebSocket-Protocol: ${protocol}\r\nOrigin: http://${url.host}\r\n\r\n`,
  );
}
