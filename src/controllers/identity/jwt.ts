import type { Client, ClientEnv } from "../../messages/client.ts";
import type { CommandResult, ConnectResult } from "../../messages/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Log } from "../../ports/log.ts";
import { TokenVerifier } from "./token-verifier.ts";
import { welcome } from "./welcome.ts";

/** How tokens are found and checked. */
export interface JwtOptions {
  /** Empty: no token is valid. */
  readonly secret: string;
  /** Query parameter, case matters; the header is `x-` and this in lower case. */
  readonly param: string;
  /** Clients without a token are refused. */
  readonly isEnforced: boolean;
}

/**
 * Knows clients by a token signed by the application, whose `ext` claim says who they are. Clients without one go on
 * to the wrapped controller, as do all commands; a bad token goes nowhere.
 * The token is the first of: header `x-<param>` of the client's environment (where the transport also puts the one
 * from the sub-protocol list), query parameter `<param>`.
 * Source: spec "auth-streams", section 2.
 */
export class JwtController implements Controller {
  private readonly options: JwtOptions;
  private readonly header: string;
  private readonly next: Controller;
  private readonly verifier: TokenVerifier;
  private readonly log: Log;

  constructor(
    options: JwtOptions,
    deps: { readonly next: Controller; readonly clock: Clock; readonly log: Log },
  ) {
    this.options = options;
    this.header = `x-${options.param.toLowerCase()}`;
    this.next = deps.next;
    this.verifier = new TokenVerifier({ secret: options.secret }, { clock: deps.clock });
    this.log = deps.log.with({ context: "jwt" });
  }

  async authenticate(client: Client, signal: AbortSignal): Promise<ConnectResult> {
    const token = this.findToken(client.env);
    if (token === "") return this.withoutToken(client, signal);
    const verdict = await this.verifier.verify(token);
    if (signal.aborted) return { status: "canceled" };
    switch (verdict.status) {
      case "valid":
        return welcome(client.sid, verdict.identifiers);
      case "expired":
        this.log.debug("token has expired", { sid: client.sid });
        return TOKEN_EXPIRED;
      case "invalid":
        this.log.debug("invalid token", { sid: client.sid, error: verdict.error });
        return UNAUTHORIZED;
      case "unusable":
        return { status: "error", error: "token has no string claim `ext`" };
    }
  }

  subscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.next.subscribe(client, identifier, signal);
  }

  unsubscribe(client: Client, identifier: string, signal: AbortSignal): Promise<CommandResult> {
    return this.next.unsubscribe(client, identifier, signal);
  }

  perform(
    client: Client,
    identifier: string,
    data: string,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    return this.next.perform(client, identifier, data, signal);
  }

  disconnect(client: Client, subscriptions: readonly string[]): Promise<void> {
    return this.next.disconnect(client, subscriptions);
  }

  private findToken(env: ClientEnv): string {
    const fromHeader = env.headers[this.header];
    if (fromHeader !== undefined && fromHeader !== "") return fromHeader;
    const query = env.url.indexOf("?");
    if (query === -1) return "";
    return new URLSearchParams(env.url.slice(query + 1)).get(this.options.param) ?? "";
  }

  private withoutToken(client: Client, signal: AbortSignal): Promise<ConnectResult> {
    if (this.log.isDebug) {
      this.log.debug("no token is found", { sid: client.sid, ...describe(client.env) });
    }
    if (!this.options.isEnforced) return this.next.authenticate(client, signal);
    return Promise.resolve(UNAUTHORIZED);
  }
}

const UNAUTHORIZED = rejection("unauthorized");
const TOKEN_EXPIRED = rejection("token_expired");

function rejection(reason: "unauthorized" | "token_expired"): ConnectResult {
  const transmission = { type: "disconnect", reason, reconnect: false } as const;
  return { status: "failure", transmissions: [transmission], cstate: null };
}

/** Query and header values stay out: they carry session ids and cookies. */
function describe(env: ClientEnv): { url: string | undefined; headers: string } {
  return { url: env.url.split("?", 1)[0], headers: Object.keys(env.headers).join(",") };
}
