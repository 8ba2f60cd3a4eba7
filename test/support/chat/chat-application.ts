import type { ApplicationRequest, ApplicationResponse } from "../application.ts";
import { confirmed, rejected, UNAUTHORIZED } from "../wire.ts";

/** What the application does to the outside world. */
export interface ChatWorld {
  /** Publishes to a stream. @param excludedSid whom to leave out */
  broadcast(stream: string, data: unknown, excludedSid?: string): Promise<void>;
}

/** One call of the server, whatever it travelled by. */
export interface ChatCall {
  readonly name: "connect" | "command" | "disconnect";
  readonly request: ApplicationRequest;
  readonly sid: string;
}

interface Identifier {
  readonly channel: string;
  readonly streams?: readonly string[];
  readonly room?: string;
  readonly user?: string;
}

interface Action {
  readonly action: string;
  readonly text?: string;
  readonly stream?: string;
  readonly data?: unknown;
  readonly user?: string;
}

/**
 * An application with the channels that the scenarios of spec "protocol", section 16 need. It keeps nothing:
 * what it must remember lives in the state that the server sends along.
 */
export async function answerChat(call: ChatCall, world: ChatWorld): Promise<ApplicationResponse> {
  const { name, request } = call;
  if (name === "connect") return connect(request, call.sid);
  if (name === "disconnect") return disconnect(request, world);
  const identifier = parse<Identifier>(request.identifier);
  if (request.command === "subscribe") return subscribe(request, identifier);
  if (request.command === "unsubscribe") {
    await leave(identifier, request.env.istate ?? {}, world);
    return { status: 1 };
  }
  return act(call, identifier, parse<Action>(request.data), world);
}

function connect({ env }: ApplicationRequest, sid: string): ApplicationResponse {
  const { searchParams, pathname } = new URL(env.url);
  const isAllowed = {
    request_url: () =>
      pathname === "/cable" && searchParams.get("target") === new URL(env.url).host,
    cookies: () => env.headers["cookie"]?.includes("username=john green") === true,
    headers: () => env.headers["x-api-token"] === "abc",
    reasons: () => false,
  };
  const test = searchParams.get("test");
  if (test !== null && test in isAllowed && !isAllowed[test as keyof typeof isAllowed]()) {
    return { status: 2, transmissions: [UNAUTHORIZED] };
  }
  const uid = searchParams.get("uid") ?? sid;
  return {
    status: 1,
    identifiers: JSON.stringify({ uid }),
    transmissions: [JSON.stringify({ type: "welcome", sid })],
  };
}

function subscribe(request: ApplicationRequest, identifier: Identifier): ApplicationResponse {
  const id = request.identifier ?? "";
  const { room = "", user = "" } = identifier;
  const confirmation = { status: 1, transmissions: [confirmed(id)] };
  const rejection = { status: 2, transmissions: [rejected(id)] };
  const streams = identifier.streams ?? [];
  switch (identifier.channel) {
    case "Reject":
      return rejection;
    case "Request": {
      const { searchParams } = new URL(request.env.url);
      return searchParams.get("token") === "secret" ? confirmation : rejection;
    }
    case "Hello":
      return {
        ...confirmation,
        transmissions: [sent(id, "hello"), sent(id, "world"), confirmed(id)],
      };
    case "Counter":
      return { ...confirmation, env: { istate: { count: "2", name: "john" } } };
    case "Room":
      return { ...confirmation, streams: [room], env: { istate: { room, user } } };
    case "Whisper":
      return { ...confirmation, streams: [room], env: { istate: { $w: room } } };
    case "Presence":
      return {
        ...confirmation,
        streams: [room],
        env: { istate: { $p: room } },
        ...(user === "" ? {} : { presence: { type: "join", id: user } }),
      };
    default:
      return { ...confirmation, streams };
  }
}

async function act(
  { request, sid }: ChatCall,
  identifier: Identifier,
  action: Action,
  world: ChatWorld,
): Promise<ApplicationResponse> {
  const id = request.identifier ?? "";
  const { istate = {} } = request.env;
  const { stream = "", data, text } = action;
  switch (action.action) {
    case "tick":
      return { status: 1, ...tick(id, identifier, istate) };
    case "echo":
      return { status: 1, transmissions: [sent(id, { response: text })] };
    case "stop":
      return { status: 1, stopped_streams: [stream], transmissions: [sent(id, "stopped")] };
    case "broadcast":
      await world.broadcast(stream, data);
      return { status: 1 };
    case "toOthers":
      await world.broadcast(stream, data, sid);
      return { status: 1 };
    case "follow":
      return { status: 1, presence: { type: "join", id: action.user } };
    case "unfollow":
      return { status: 1, presence: { type: "leave" } };
    default:
      return { status: 0, error_msg: `no such action: ${action.action}` };
  }
}

function tick(
  id: string,
  { channel }: Identifier,
  istate: Readonly<Record<string, string>>,
): ApplicationResponse {
  if (channel !== "Counter") return { transmissions: [sent(id, "tock")] };
  const count = Number(istate["count"]) + 1;
  const message = sent(id, { count, name: istate["name"] });
  return { transmissions: [message], env: { istate: { count: String(count) } } };
}

/** Every channel of the session hears that it is over, with the state it had. */
async function disconnect(
  { subscriptions = [], env }: ApplicationRequest,
  world: ChatWorld,
): Promise<ApplicationResponse> {
  for (const subscription of subscriptions) {
    const state = env.istate?.[subscription];
    await leave(parse(subscription), state === undefined ? {} : parse(state), world);
  }
  return { status: 1 };
}

async function leave(
  { channel }: Identifier,
  istate: Readonly<Record<string, string>>,
  world: ChatWorld,
): Promise<void> {
  const { room, user = "" } = istate;
  if (channel === "Room" && room !== undefined) await world.broadcast(room, `user left${user}`);
}

function sent(identifier: string, message: unknown): string {
  return JSON.stringify({ identifier, message });
}

function parse<T>(text = "{}"): T {
  return JSON.parse(text) as T; // written by our tests; anything else fails the test that sent it
}
