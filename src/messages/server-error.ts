/**
 * The one error class of the server: an expectation broken at run time (a peer, a file, a setting).
 * Match on `code`, a stable snake_case word, never on the text.
 */
export class ServerError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "ServerError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The message of anything thrown, for log attributes and error texts. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
