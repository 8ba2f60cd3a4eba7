/** The text of a request, or why it cannot be had. */
export type RequestBody =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: "too_big" | "unreadable"; readonly cause: unknown };

/**
 * Reads the body as UTF-8, broken sequences become U+FFFD. Stops at the limit: never holds more than
 * `maxBytes` and one chunk. Does not throw.
 */
export async function readBody(request: Request, maxBytes: number): Promise<RequestBody> {
  // Number(null) is 0, a malformed length NaN: both leave the decision to the bytes.
  if (Number(request.headers.get("content-length")) > maxBytes) return TOO_BIG;
  if (request.body === null) return { ok: true, text: "" };
  try {
    return await readChunks(request.body, maxBytes);
  } catch (cause) {
    return { ok: false, reason: "unreadable", cause };
  }
}

const TOO_BIG: RequestBody = { ok: false, reason: "too_big", cause: null };

async function readChunks(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<RequestBody> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return TOO_BIG;
    chunks.push(chunk);
  }
  return { ok: true, text: Buffer.concat(chunks, bytes).toString("utf8") };
}
