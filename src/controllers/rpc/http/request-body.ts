import type {
  CommandMessage,
  ConnectionRequest,
  DisconnectRequest,
  Env,
} from "../../../../protos/gen/rpc_pb.js";

/*
 * Bodies are JSON objects with the snake case names of the messages, in the order of the field numbers,
 * without empty values; only `env` is always there. Text that is not well-formed is sent with U+FFFD.
 * Source: spec "rpc", section 9.
 */

/** `{"env":{"url":"http://localhost:8080/cable","headers":{"REMOTE_ADDR":"127.0.0.1"}}}` */
export function connectBody(request: ConnectionRequest): string {
  return object([envMember(request.env)]);
}

/** `{"command":"subscribe","identifier":"{\"channel\":\"Chat\"}","env":{…}}` */
export function commandBody(request: CommandMessage): string {
  return object([
    textMember("command", request.command),
    textMember("identifier", request.identifier),
    textMember("connection_identifiers", request.connectionIdentifiers),
    textMember("data", request.data),
    envMember(request.env),
  ]);
}

/** `{"identifiers":"…","subscriptions":["{\"channel\":\"Chat\"}"],"env":{…}}` */
export function disconnectBody(request: DisconnectRequest): string {
  const { subscriptions } = request;
  const list = subscriptions.length === 0 ? "" : `"subscriptions":[${subscriptions.map(text)}]`;
  return object([textMember("identifiers", request.identifiers), list, envMember(request.env)]);
}

function envMember(env: Env | undefined): string {
  if (env === undefined) return '"env":{}';
  const members = [
    textMember("url", env.url),
    mapMember("headers", env.headers),
    mapMember("cstate", env.cstate),
    mapMember("istate", env.istate),
  ];
  return `"env":${object(members)}`;
}

/** @param members with empty strings for those to leave out */
function object(members: readonly string[]): string {
  return `{${members.filter((member) => member !== "").join(",")}}`;
}

function textMember(name: string, value: string): string {
  return value === "" ? "" : `"${name}":${text(value)}`;
}

function mapMember(name: string, map: { readonly [key: string]: string }): string {
  const keys = Object.keys(map).sort();
  if (keys.length === 0) return "";
  const members = keys.map((key) => `${text(key)}:${text(map[key] ?? "")}`);
  return `"${name}":{${members.join(",")}}`;
}

function text(value: string): string {
  return JSON.stringify(value.toWellFormed());
}
