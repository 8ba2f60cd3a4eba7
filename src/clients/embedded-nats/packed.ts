import { statSync } from "node:fs";

/**
 * The nats-server inside this executable, or the one the build would pack when run from source.
 * @returns null when there is none: nothing was fetched when it was built
 */
export async function packedNatsServer(): Promise<string | null> {
  try {
    const file = await import("../../../dist/.nats/nats-server", { with: { type: "file" } });
    return statSync(file.default).size > 0 ? file.default : null;
  } catch {
    // A build without it, or a checkout that was never built.
    return null;
  }
}

/** `2.15.1`; null when none is packed. */
export async function packedNatsVersion(): Promise<string | null> {
  try {
    const file = await import("../../../dist/.nats/version", { with: { type: "text" } });
    return file.default.trim() === "" ? null : file.default.trim();
  } catch {
    // As above.
    return null;
  }
}

/** True inside the compiled executable, where packed files have no path that other programs could open. */
export function isCompiled(): boolean {
  return import.meta.path.startsWith("/$bunfs/");
}
