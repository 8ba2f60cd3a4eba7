import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { CHAT, confirmation, WELCOME } from "./grpc-backend.ts";

/** A call the application got over HTTP. */
export interface HttpCall {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as it came. */
  readonly text: string;
}

/** An answer; `cut` ends the connection without one, `hang` leaves it open, `stall` does so after a head with status 500. */
export type HttpAnswer =
  | "cut"
  | "hang"
  | "stall"
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string | Uint8Array;
      readonly delayMs?: number;
    };

/** An application over HTTP, in this process. Stop it yourself. */
export class HttpBackendServer {
  readonly calls: HttpCall[] = [];
  /** Requests whose caller went away before the answer. */
  aborted = 0;
  port = 0;
  /** @param number counts the calls from 1 */
  answer: (call: HttpCall, number: number) => HttpAnswer = defaultAnswer;
  private readonly server = createServer((request, response) => {
    this.handle(request, response).catch(() => response.destroy());
  });
  private readonly waiters = new Set<() => void>();

  /** @param port 0 for any */
  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    const address = this.server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/_anycable`;
  }

  /** Resolves when the condition holds; it is looked at after every call and every abort. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiters.add(resolve));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const call = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers as Record<string, string>, // none of ours is repeated
      text: Buffer.concat(chunks).toString(),
    };
    response.on("close", () => {
      if (!response.writableFinished) this.aborted += 1;
      this.wake();
    });
    this.calls.push(call);
    this.wake();
    await give(this.answer(call, this.calls.length), request, response);
  }

  private wake(): void {
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const wake of waiters) wake();
  }
}

async function give(
  answer: HttpAnswer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (answer === "hang") return;
  if (answer === "stall") {
    response.writeHead(500, { "content-length": "10" });
    response.write("oops");
    return;
  }
  if (answer === "cut") {
    request.socket.destroy();
    return;
  }
  if (answer.delayMs !== undefined) await Bun.sleep(answer.delayMs);
  response.writeHead(answer.status ?? 200, answer.headers ?? {});
  response.end(answer.body);
}

/** Lets everybody in as `me`, confirms every subscription, says yes to the rest. */
export function defaultAnswer(call: HttpCall): HttpAnswer {
  const name = call.path.split("?")[0]?.split("/").at(-1);
  if (name === "connect") {
    return json({ status: 1, identifiers: "me", transmissions: [WELCOME] });
  }
  const isSubscribe = call.text.startsWith('{"command":"subscribe"');
  return json({ status: 1, transmissions: isSubscribe ? [confirmation(CHAT)] : [] });
}

/** An answer with a JSON body. */
export function json(body: unknown, status = 200): HttpAnswer {
  return { status, body: JSON.stringify(body) };
}
