import type {
  CommandResponse,
  ConnectionResponse,
  DisconnectResponse,
  EnvResponse,
  PresenceResponse,
} from "../../../../protos/gen/rpc_pb.js";
import { ServerError } from "../../../messages/server-error.ts";

/*
 * Answers are JSON objects with snake case names in any case of letters; null is absent, unknown names are
 * skipped, a value of a wrong type is an error. `null` in place of the object is an empty one.
 * Source: spec "rpc", section 9.
 */

/** @throws {ServerError} `rpc_bad_response` for anything but a connect answer */
export function parseConnectionResponse(body: string): ConnectionResponse {
  const fields = fieldsOf(parseJson(body), "the response");
  return {
    $typeName: "anycable.ConnectionResponse",
    status: integer(fields, "status"),
    identifiers: string(fields, "identifiers"),
    transmissions: strings(fields, "transmissions"),
    errorMsg: string(fields, "error_msg"),
    env: envOf(fields),
  };
}

/** @throws {ServerError} `rpc_bad_response` for anything but a command answer */
export function parseCommandResponse(body: string): CommandResponse {
  const fields = fieldsOf(parseJson(body), "the response");
  return {
    $typeName: "anycable.CommandResponse",
    status: integer(fields, "status"),
    disconnect: boolean(fields, "disconnect"),
    stopStreams: boolean(fields, "stop_streams"),
    streams: strings(fields, "streams"),
    transmissions: strings(fields, "transmissions"),
    errorMsg: string(fields, "error_msg"),
    stoppedStreams: strings(fields, "stopped_streams"),
    env: envOf(fields),
    presence: presenceOf(fields),
  };
}

/** @throws {ServerError} `rpc_bad_response` for anything but a disconnect answer */
export function parseDisconnectResponse(body: string): DisconnectResponse {
  const fields = fieldsOf(parseJson(body), "the response");
  return {
    $typeName: "anycable.DisconnectResponse",
    status: integer(fields, "status"),
    errorMsg: string(fields, "error_msg"),
  };
}

/** Members by lower-case name; no prototype, so that no name is there before it is given. */
type Fields = { readonly [name: string]: unknown };

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw badResponse("the response is not JSON", error);
  }
}

/** Without nulls; the last of names that differ in case only counts. */
function fieldsOf(value: unknown, name: string): Fields {
  const fields = Object.create(null) as Record<string, unknown>; // `create` is declared to return any
  const members = objectOf(value, name);
  for (const key of Object.keys(members)) {
    const member = members[key];
    if (member !== null) fields[key.toLowerCase()] = member;
  }
  return fields;
}

/** null and what is not given are an empty object. */
function objectOf(value: unknown, name: string): Fields {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw wrongType(name, "an object");
  return value as Fields; // an object that came out of JSON is one of members
}

function envOf(fields: Fields): EnvResponse | undefined {
  const env = fields["env"];
  if (env === undefined) return undefined;
  const members = fieldsOf(env, "env");
  return {
    $typeName: "anycable.EnvResponse",
    cstate: stringMap(members, "cstate"),
    istate: stringMap(members, "istate"),
  };
}

function presenceOf(fields: Fields): PresenceResponse | undefined {
  const presence = fields["presence"];
  if (presence === undefined) return undefined;
  const members = fieldsOf(presence, "presence");
  return {
    $typeName: "anycable.PresenceResponse",
    type: string(members, "type"),
    id: string(members, "id"),
    info: string(members, "info"),
    ttl: integer(members, "ttl"),
  };
}

function string(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value !== "string") throw wrongType(name, "a string");
  return value;
}

function boolean(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== "boolean") throw wrongType(name, "true or false");
  return value;
}

const INT32_END = 2 ** 31;

function integer(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value === "number" && Number.isInteger(value)) {
    if (value < INT32_END && value >= -INT32_END) return value;
  }
  throw wrongType(name, "an integer");
}

function strings(fields: Fields, name: string): string[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value)) throw wrongType(name, "a list of strings");
  return value.map((item: unknown) => textOrNull(item, name));
}

function stringMap(fields: Fields, name: string): { [key: string]: string } {
  // no prototype: `__proto__` is a key like any other
  const map = Object.create(null) as { [key: string]: string }; // `create` is declared to return any
  const members = objectOf(fields[name], name);
  for (const key of Object.keys(members)) map[key] = textOrNull(members[key], name);
  return map;
}

function textOrNull(value: unknown, name: string): string {
  if (value === null) return "";
  if (typeof value !== "string") throw wrongType(name, "strings only");
  return value;
}

function wrongType(name: string, allowed: string): ServerError {
  const place = name === "the response" ? name : `${name} in the response`;
  return badResponse(`${place} must be ${allowed}`, undefined);
}

function badResponse(text: string, cause: unknown): ServerError {
  return new ServerError("rpc_bad_response", text, { cause });
}
