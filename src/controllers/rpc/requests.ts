import type {
  CommandMessage,
  ConnectionRequest,
  DisconnectRequest,
  Env,
} from "../../../protos/gen/rpc_pb.js";
import type { Client } from "../../messages/client.ts";
import { byBytes } from "./byte-order.ts";

/*
 * Messages are written out, all fields set as the library's `create` would: that costs a tenth of a call.
 */

type StringMap = Record<string, string>;

/** Commands as the application knows them. */
export type CommandName = "subscribe" | "unsubscribe" | "message";

/** "Who is this client?" A copy: later changes of the client do not show. */
export function connectionRequest(client: Client): ConnectionRequest {
  return { $typeName: "anycable.ConnectionRequest", env: envOf(client, NO_STATE) };
}

/** A command with the state of its own channel only. A copy. */
export function commandMessage(
  client: Client,
  command: CommandName,
  identifier: string,
  data: string,
): CommandMessage {
  const istate = client.istate.get(identifier);
  return {
    $typeName: "anycable.CommandMessage",
    command,
    identifier,
    connectionIdentifiers: client.identifiers,
    data,
    env: envOf(client, istate === undefined ? NO_STATE : mapOf(istate)),
  };
}

/** "The client has gone", with the states of all channels, each as JSON text. A copy. */
export function disconnectRequest(
  client: Client,
  subscriptions: readonly string[],
): DisconnectRequest {
  const istate = emptyMap();
  for (const [identifier, state] of client.istate) istate[identifier] = stateText(state);
  return {
    $typeName: "anycable.DisconnectRequest",
    identifiers: client.identifiers,
    subscriptions: [...subscriptions],
    env: envOf(client, istate),
  };
}

function envOf(client: Client, istate: StringMap): Env {
  const { url, headers } = client.env;
  return { $typeName: "anycable.Env", url, headers, cstate: mapOf(client.cstate), istate };
}

/** An object that has no prototype: keys such as `__proto__` are keys like any other. */
function emptyMap(): StringMap {
  return Object.create(null) as StringMap; // `create` is declared to return any
}

const NO_STATE: StringMap = Object.freeze(emptyMap());

function mapOf(state: ReadonlyMap<string, string>): StringMap {
  if (state.size === 0) return NO_STATE;
  const map = emptyMap();
  for (const [key, value] of state) map[key] = value;
  return map;
}

/** A state map as JSON text with sorted keys: `{"a":"1","b":"2"}`. */
function stateText(state: ReadonlyMap<string, string>): string {
  const entries = [...state].sort(([a], [b]) => byBytes(a, b));
  const members = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{${members.join(",")}}`;
}
