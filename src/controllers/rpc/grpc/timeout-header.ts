/**
 * Value of `grpc-timeout`: at most eight digits and a unit. Whole milliseconds, rounded up, so that the usual
 * value is the same for every call and costs one byte on the wire; microseconds for short ones.
 *
 *     3000m
 *
 * Source: gRPC over HTTP/2, "Timeout".
 */
export function timeoutHeader(timeoutMs: number): string {
  if (timeoutMs < 100) return `${Math.max(1, Math.floor(timeoutMs * 1000))}u`;
  if (timeoutMs < 1e8) return `${Math.ceil(timeoutMs)}m`;
  return `${Math.min(99_999_999, Math.floor(timeoutMs / 1000))}S`;
}
