import { Duration } from "../messages/duration.ts";
import type { Attributes } from "../ports/log.ts";

/** What formats have to deal with: everything else has become text. */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Duration
  | readonly unknown[]
  | ReadonlyMap<unknown, unknown>
  | Attributes;

/**
 * Reduces a value to what formats know; never throws. Errors become their message (their code or name when
 * that is empty), bytes become text, sets lists, objects of unknown classes their class name.
 */
export function attributeValue(value: unknown): AttributeValue {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return value;
    case "object":
      return value === null ? null : objectValue(value);
    case "undefined":
      return null;
    case "function":
      return `function ${value.name}`;
    case "symbol":
      return value.description ?? "";
  }
}

/** True for a group: an object whose members are attributes of their own. */
export function isGroup(value: AttributeValue): value is Attributes {
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Duration || value instanceof Map || Array.isArray(value))
  );
}

function objectValue(value: object): AttributeValue {
  if (Array.isArray(value) || value instanceof Map || value instanceof Duration) return value;
  if (value instanceof Error) return errorValue(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Set) return [...value];
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  const prototype: unknown = Object.getPrototypeOf(value);
  // Proof for the cast: an object without a class is a record, `unknown` holds for any member.
  if (prototype === Object.prototype || prototype === null) return value as Attributes;
  const owner: unknown = Reflect.get(value, "constructor");
  return typeof owner === "function" ? owner.name : "object";
}

/** Several failed addresses make an error with an empty message, the system's code is then what tells. */
function errorValue(error: Error): string {
  if (error.message !== "") return error.message;
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : error.name;
}
