/**
 * The JSON text that carries a publication's `data` to clients: the data itself where it is JSON (large numbers and
 * key order stay as published), else the data as a JSON string. `null` counts as text. Source: spec "protocol", 8.1.
 */
export function embedData(data: string): string {
  return isJsonValue(data) ? data : JSON.stringify(data);
}

function isJsonValue(text: string): boolean {
  if (text === "") return false;
  try {
    return JSON.parse(text) !== null;
  } catch {
    // Not JSON: a plain text payload, as documented.
    return false;
  }
}
