import { errorText } from "./server-error.ts";
import { truncate } from "./truncate.ts";

/** An object as `JSON.parse` gives it: its keys are own properties, untrusted names included. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @returns the value as an object, null when it is none (arrays are none) */
export function asJsonObject(value: unknown): JsonObject | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  // Proof: checked in the line above; members stay `unknown`.
  return value as JsonObject;
}

/** @returns null when the text is not one JSON object, also for nesting too deep to read */
export function parseJsonObject(text: string): JsonObject | null {
  try {
    return asJsonObject(JSON.parse(text));
  } catch {
    // A refusal like any other: the caller asks "is it an object?".
    return null;
  }
}

/** What is wrong with a text that is not JSON, for logs: the runtime quotes up to 200 characters of it, payload that must be cut as everywhere. */
export function jsonErrorText(error: unknown): string {
  return truncate(errorText(error));
}
