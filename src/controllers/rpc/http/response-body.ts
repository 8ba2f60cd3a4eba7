import { create } from "@bufbuild/protobuf";
import {
  type CommandResponse,
  CommandResponseSchema,
  type ConnectionResponse,
  ConnectionResponseSchema,
  type DisconnectResponse,
  DisconnectResponseSchema,
  type EnvResponse,
  EnvResponseSchema,
  type PresenceResponse,
  PresenceResponseSchema,
} from "../../../../protos/gen/rpc_pb.js";
import { ServerError } from "../../../messages/server-error.ts";

/*
 * Answers are JSON objects with snake case names in any case of letters; null is absent, unknown names are
 * skipped, a value of a wrong type is an error. `null` in place of the object is an empty one.
 * Source: spec "rpc", section 9.
 */

/** @throws {ServerError} `rpc_bad_response` for anything but a connect answer */
export function parseConnectionResponse(body: string): ConnectionResponse {
  const fields = fieldsOf(parseJson(body), "response");
  return create(ConnectionResponseSchema, {
    status: integer(fields, "status"),
    identifiers: string(fields, "identifiers"),
    transmissions: strings(fields, "transmissions"),
    errorMsg: string(fields, "error_msg"),
    ...envOf(fields),
  });
}

/** @throws {ServerError} `rpc_bad_response` for anything but a command answer */
export function parseCommandResponse(body: string): CommandResponse {
  const fields = fieldsOf(parseJson(body), "response");
  return create(CommandResponseSchema, {
    status: integer(fields, "status"),
    disconnect: boolean(fields, "disconnect"),
    stopStreams: boolean(fields, "stop_streams"),
    streams: strings(fields, "streams"),
    transmissions: strings(fields, "transmissions"),
    errorMsg: string(fields, "error_msg"),
    stoppedStreams: strings(fields, "stopped_streams"),
    ...envOf(fields),
    ...presenceOf(fields),
  });
}

/** @throws {ServerError} `rpc_bad_response` for anything but a disconnect answer */
export function parseDisconnectResponse(body: string): DisconnectResponse {
  const fields = fieldsOf(parseJson(body), "response");
  return create(DisconnectResponseSchema, {
    status: integer(fields, "status"),
    errorMsg: string(fields, "error_msg"),
  });
}

type Fields = ReadonlyMap<string, unknown>;

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw badResponse("response is not JSON", error);
  }
}

/** Members by lower-case name, without nulls; the last of equal names counts. */
function fieldsOf(value: unknown, name: string): Fields {
  const fields = new Map<string, unknown>();
  for (const [key, member] of entriesOf(value, name)) {
    if (member !== null) fields.set(key.toLowerCase(), member);
  }
  return fields;
}

function entriesOf(value: unknown, name: string): readonly (readonly [string, unknown])[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object" || Array.isArray(value)) throw wrongType(name, "an object");
  return Object.entries(value);
}

function envOf(fields: Fields): { readonly env?: EnvResponse } {
  const env = fields.get("env");
  if (env === undefined) return {};
  const members = fieldsOf(env, "env");
  const init = { cstate: stringMap(members, "cstate"), istate: stringMap(members, "istate") };
  return { env: create(EnvResponseSchema, init) };
}

function presenceOf(fields: Fields): { readonly presence?: PresenceResponse } {
  const presence = fields.get("presence");
  if (presence === undefined) return {};
  const members = fieldsOf(presence, "presence");
  const init = {
    type: string(members, "type"),
    id: string(members, "id"),
    info: string(members, "info"),
    ttl: integer(members, "ttl"),
  };
  return { presence: create(PresenceResponseSchema, init) };
}

function string(fields: Fields, name: string): string {
  const value = fields.get(name) ?? "";
  if (typeof value !== "string") throw wrongType(name, "a string");
  return value;
}

function boolean(fields: Fields, name: string): boolean {
  const value = fields.get(name) ?? false;
  if (typeof value !== "boolean") throw wrongType(name, "true or false");
  return value;
}

const INT32_END = 2 ** 31;

function integer(fields: Fields, name: string): number {
  const value = fields.get(name) ?? 0;
  if (typeof value === "number" && Number.isInteger(value)) {
    if (value < INT32_END && value >= -INT32_END) return value;
  }
  throw wrongType(name, "an integer");
}

function strings(fields: Fields, name: string): string[] {
  const value = fields.get(name) ?? [];
  if (!Array.isArray(value)) throw wrongType(name, "a list of strings");
  return value.map((item: unknown) => textOrNull(item, name));
}

function stringMap(fields: Fields, name: string): { [key: string]: string } {
  // no prototype: `__proto__` is a key like any other
  const map = Object.create(null) as { [key: string]: string }; // `create` is declared to return any
  for (const [key, value] of entriesOf(fields.get(name), name)) map[key] = textOrNull(value, name);
  return map;
}

function textOrNull(value: unknown, name: string): string {
  if (value === null) return "";
  if (typeof value !== "string") throw wrongType(name, "strings only");
  return value;
}

function wrongType(name: string, allowed: string): ServerError {
  return badResponse(`${name} in the response must be ${allowed}`, undefined);
}

function badResponse(text: string, cause: unknown): ServerError {
  return new ServerError("rpc_bad_response", text, { cause });
}
