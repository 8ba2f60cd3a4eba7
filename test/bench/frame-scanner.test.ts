import { expect, test } from "bun:test";
import { scanFrames } from "../../bench/load/frame-scanner.ts";
import { SequenceReader } from "../../bench/load/sequence-reader.ts";

const PING = frame(1, '{"type":"ping","message":1700000000}');
const SHORT = frame(1, '{"identifier":"{\\"seq\\":9}","message":{"seq":7,"text":"x"}}');
const LONG = frame(1, `{"identifier":"i","message":{"text":"${"x".repeat(300)}","seq": 41}}`);
const HUGE = frame(1, `{"message":{"text":"${"x".repeat(70_000)}","seq":123456}}`);
const CLOSE = frame(8, "\x03\xe8");

/** An unmasked server frame (RFC 6455 section 5.2), built apart from the code under test. */
function frame(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text, "latin1");
  const n = payload.length;
  const big = Buffer.alloc(8);
  big.writeBigUInt64BE(BigInt(n));
  const length = n < 126 ? [n] : n < 65_536 ? [126, n >> 8, n & 255] : [127, ...big];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), payload]);
}

/** Opcode, payload length and sequence number of every frame found when `bytes` arrive in pieces. */
function scanned(bytes: Buffer, pieceBytes: number): number[][] {
  const found: number[][] = [];
  const reader = new SequenceReader();
  let rest: Uint8Array | null = null;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    rest = scanFrames(
      found,
      rest,
      bytes.subarray(at, at + pieceBytes),
      (to, opcode, all, start, end) => to.push([opcode, end - start, reader.read(all, start, end)]),
    );
  }
  expect(rest).toBeNull();
  return found;
}

test("scanFrames finds the same frames however the bytes are split", () => {
  const bytes = Buffer.concat([PING, SHORT, SHORT, LONG, HUGE, SHORT, CLOSE]);
  const all = [
    [1, PING.length - 2, -1],
    [1, SHORT.length - 2, 7],
    [1, SHORT.length - 2, 7],
    [1, LONG.length - 4, 41],
    [1, HUGE.length - 10, 123_456],
    [1, SHORT.length - 2, 7],
    [8, 2, -1],
  ];

  for (const pieceBytes of [bytes.length, 1024, 131, 7]) {
    expect(scanned(bytes, pieceBytes)).toEqual(all);
  }
  expect(scanned(Buffer.concat([PING, SHORT, LONG]), 1)).toEqual(
    all.filter((_, i) => [0, 1, 3].includes(i)),
  );
});

test("scanFrames keeps an unfinished frame and gives back only that", () => {
  const bytes = Buffer.concat([PING, SHORT]);
  const found: number[] = [];

  const rest = scanFrames(found, null, bytes.subarray(0, PING.length + 5), (to, opcode) =>
    to.push(opcode),
  );

  expect(found).toEqual([1]);
  expect(rest).toEqual(new Uint8Array(SHORT.subarray(0, 5)));
});

test("scanFrames refuses fragmented, compressed and masked frames", () => {
  for (const header of [
    [0x01, 0x01],
    [0xc1, 0x01],
    [0x81, 0x81],
  ]) {
    expect(() => scanFrames(0, null, Buffer.from([...header, 0x41]), () => {})).toThrow(
      "frame header 0x",
    );
  }
});
