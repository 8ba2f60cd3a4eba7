import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { until } from "./until.ts";
import { confirmed } from "./wire.ts";

/** The parts of requests that tests read; see spec "rpc", section 9. */
export interface ApplicationRequest {
  readonly env: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly cstate?: Readonly<Record<string, string>>;
    readonly istate?: Readonly<Record<string, string>>;
  };
  readonly command?: string;
  readonly identifier?: string;
  readonly connection_identifiers?: string;
  readonly data?: string;
  readonly identifiers?: string;
  readonly subscriptions?: readonly string[];
}

/** One call: its name is the last part of the path. */
export interface ApplicationCall {
  readonly name: string;
  readonly request: ApplicationRequest;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Milliseconds of this process's clock. */
  readonly startedAt: number;
  endedAt: number | null;
}

/** The fields of a response, as they travel. */
export type ApplicationResponse = Readonly<Record<string, unknown>>;

/** Answers one kind of call; a promise holds the call. */
export type ApplicationHandler = (
  request: ApplicationRequest,
  call: ApplicationCall,
) => ApplicationResponse | Promise<ApplicationResponse>;

/** What differs from the usual answers. */
export interface ApplicationHandlers {
  readonly connect?: ApplicationHandler;
  readonly command?: ApplicationHandler;
  readonly disconnect?: ApplicationHandler;
}

/** Who is let in when a test does not care. */
export const IDENTIFIED: ApplicationResponse = {
  status: 1,
  identifiers: "me",
  transmissions: ['{"type":"welcome"}'],
};

/** The usual answer to a command: subscriptions are confirmed, everything else is fine. */
export function accepted(
  { command, identifier = "" }: ApplicationRequest,
  fields: ApplicationResponse = {},
): ApplicationResponse {
  const transmissions = command === "subscribe" ? [confirmed(identifier)] : [];
  return { status: 1, transmissions, ...fields };
}

/** An application over HTTP RPC, scripted with functions. `await using` stops it. */
export class Application {
  readonly calls: ApplicationCall[] = [];
  url = "";
  private readonly handlers: Readonly<Required<ApplicationHandlers>>;
  private readonly server = createServer((request, response) => {
    this.handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });

  private constructor(handlers: ApplicationHandlers) {
    this.handlers = {
      connect: () => IDENTIFIED,
      command: (request) => accepted(request),
      disconnect: () => ({ status: 1 }),
      ...handlers,
    };
  }

  static async start(handlers: ApplicationHandlers = {}): Promise<Application> {
    const application = new Application(handlers);
    const { server } = application;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    application.url = `http://127.0.0.1:${port}/_anycable`;
    return application;
  }

  /** The option that sends the server here. */
  get option(): string {
    return `--rpc_host=${this.url}`;
  }

  named(name: keyof ApplicationHandlers): readonly ApplicationCall[] {
    return this.calls.filter((call) => call.name === name);
  }

  /** Waits until so many calls of a name have come, or more. */
  async called(name: keyof ApplicationHandlers, count = 1, limitMs = 15_000): Promise<void> {
    const what = (): string => `${count} ${name} calls; came ${this.named(name).length}`;
    await until(what, () => this.named(name).length >= count, limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const name = incoming.url?.split("?")[0]?.split("/").at(-1) ?? "";
    const request = JSON.parse(Buffer.concat(chunks).toString()) as ApplicationRequest; // ours; a wrong shape fails the test that looks
    const headers = incoming.headers as Record<string, string>; // none of ours is repeated
    const call = { name, request, headers, startedAt: performance.now(), endedAt: null };
    this.calls.push(call);
    const answer = await this.answer(call);
    Object.assign(call, { endedAt: performance.now() });
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }

  private answer(call: ApplicationCall): ApplicationResponse | Promise<ApplicationResponse> {
    const { name, request } = call;
    if (name === "connect") return this.handlers.connect(request, call);
    if (name === "command") return this.handlers.command(request, call);
    if (name === "disconnect") return this.handlers.disconnect(request, call);
    throw new Error(`no such call: ${name}`);
  }
}
