import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedNats } from "../clients/embedded-nats/embedded-nats.ts";
import { runInternalExec } from "../clients/embedded-nats/internal-exec.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

/** What the embedded server needs of the process. */
export interface EmbeddedNatsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  /** The process should end with this message. */
  readonly onFatal: (message: string) => void;
  /** The server is back after a failure. */
  readonly onBack: () => void;
}

/** The NATS server that lives with ours; null when it is not wanted. */
export function createEmbeddedNats(
  { embeddedNats }: Settings,
  deps: EmbeddedNatsDeps,
): EmbeddedNats | null {
  if (!embeddedNats.isEnabled) return null;
  const paths = {
    tempFolder: tmpdir(),
    cacheFolder: join(homedir(), ".cache", "cableway"),
    searchPath: process.env["PATH"] ?? "",
  };
  return new EmbeddedNats({ ...embeddedNats, ...paths }, deps);
}

/**
 * Becomes the embedded server when the arguments say so: our executable starts it through itself, so that it ends
 * with us. Returns for every other start.
 */
export async function becomeEmbeddedNats(argv: readonly string[]): Promise<void> {
  await runInternalExec(argv);
}
