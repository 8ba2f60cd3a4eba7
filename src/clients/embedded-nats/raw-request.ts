import type { Socket } from "bun";
import type { Clock } from "../../ports/clock.ts";
import type { ListenAddress } from "./address.ts";

const MAX_ANSWER_CHARACTERS = 1024 * 1024;
/** Answered "not found" by a JetStream that works. */
const ABSENT_STREAM = "__anycable__ready__";
const GREETING = /^INFO (\{.*\})\s*\r\n/;
const STREAM_NOT_FOUND = /"err_code":\s*10059\b/;

/** Whom to ask and how long, in milliseconds. */
export interface Inquiry {
  readonly address: ListenAddress;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The name a NATS server greets with: `INFO {"server_name":"n1",…}`.
 * @returns null when nobody answers in time, or no NATS server
 */
export async function askServerName(inquiry: Inquiry): Promise<string | null> {
  const answer = await exchange(inquiry, "", GREETING);
  return parseServerName(GREETING.exec(answer ?? "")?.[1] ?? "");
}

/**
 * Whether JetStream answers requests: alone, or with a leader of its cluster.
 * @param inbox where the answer goes; of our own
 */
export async function askJetStream(inquiry: Inquiry, inbox: string): Promise<boolean> {
  const request =
    'CONNECT {"verbose":false,"pedantic":false,"lang":"cableway","version":"1","protocol":1}\r\n' +
    `SUB ${inbox} 1\r\nPUB $JS.API.STREAM.INFO.${ABSENT_STREAM} ${inbox} 0\r\n\r\n`;
  return (await exchange(inquiry, request, STREAM_NOT_FOUND)) !== null;
}

function parseServerName(json: string): string | null {
  try {
    const info: unknown = JSON.parse(json);
    if (typeof info !== "object" || info === null || !("server_name" in info)) return null;
    return typeof info.server_name === "string" ? info.server_name : null;
  } catch {
    // No greeting of a NATS server.
    return null;
  }
}

/** Sends, collects what comes until it matches. @returns what came, null when it never did */
function exchange(inquiry: Inquiry, request: string, expected: RegExp): Promise<string | null> {
  const { address, clock, timeoutMs } = inquiry;
  return new Promise((resolve) => {
    let opened: Socket | null = null;
    const decoder = new TextDecoder();
    let received = "";
    let isDone = false;
    const timer = clock.after(timeoutMs, () => finish(null));
    function finish(answer: string | null): void {
      if (isDone) return;
      isDone = true;
      timer.cancel();
      resolve(answer);
      // Calls `close` before it returns.
      opened?.end();
    }
    const socket = {
      open: (connection: Socket) => {
        opened = connection;
        if (isDone) connection.end();
        else connection.write(request);
      },
      data: (_: Socket, bytes: Buffer) => {
        received += decoder.decode(bytes, { stream: true });
        if (expected.test(received)) finish(received);
        else if (received.length > MAX_ANSWER_CHARACTERS) finish(null);
      },
      close: () => finish(null),
      connectError: () => finish(null),
    };
    // A refused connection is told to `connectError`, too.
    Bun.connect({ hostname: address.host, port: address.port, socket }).catch(() => finish(null));
  });
}
