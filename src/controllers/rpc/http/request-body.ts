import type {
  CommandMessage,
  ConnectionRequest,
  DisconnectRequest,
  Env,
} from "../../../../protos/gen/rpc_pb.js";
import { byBytes } from "../byte-order.ts";

/*
 * Bodies are JSON objects with the snake case names of the messages, in the order of the field numbers,
 * without empty values; only `env` is always there. Text that is not well-formed is sent with U+FFFD.
 * Source: spec "rpc", section 9.
 */

/** `{"env":{"url":"http://localhost:8080/cable","headers":{"REMOTE_ADDR":"127.0.0.1"}}}` */
export function connectBody(request: ConnectionRequest): string {
  return `{${envMember(request.env)}}`;
}

/** `{"command":"subscribe","identifier":"{\"channel\":\"Chat\"}","env":{…}}` */
export function commandBody(request: CommandMessage): string {
  const members =
    textMember("command", request.command) +
    textMember("identifier", request.identifier) +
    textMember("connection_identifiers", request.connectionIdentifiers) +
    textMember("data", request.data);
  return `{${members}${envMember(request.env)}}`;
}

/** `{"identifiers":"…","subscriptions":["{\"channel\":\"Chat\"}"],"env":{…}}` */
export function disconnectBody(request: DisconnectRequest): string {
  const { subscriptions } = request;
  const list = subscriptions.length === 0 ? "" : `"subscriptions":[${subscriptions.map(text)}],`;
  return `{${textMember("identifiers", request.identifiers)}${list}${envMember(request.env)}}`;
}

/** The last member of every body. */
function envMember(env: Env | undefined): string {
  if (env === undefined) return '"env":{}';
  const members =
    textMember("url", env.url) +
    mapMember("headers", env.headers) +
    mapMember("cstate", env.cstate) +
    mapMember("istate", env.istate);
  return `"env":{${members.slice(0, -1)}}`;
}

/** @returns with a comma at the end; empty for an empty value */
function textMember(name: string, value: string): string {
  return value === "" ? "" : `"${name}":${text(value)},`;
}

/** @returns with a comma at the end; empty for an empty map */
function mapMember(name: string, map: { readonly [key: string]: string }): string {
  const keys = Object.keys(map);
  if (keys.length === 0) return "";
  if (keys.length > 1) keys.sort(byBytes);
  let members = "";
  for (const key of keys) members += `${text(key)}:${text(map[key] ?? "")},`;
  return `"${name}":{${members.slice(0, -1)}},`;
}

function text(value: string): string {
  return JSON.stringify(value.toWellFormed());
}
