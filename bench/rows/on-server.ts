import { runLoad, startBackend } from "../bench.ts";
import type { Measurement, Scenario } from "../load/scenario.ts";
import type { Subject } from "../servers/subject.ts";

/** How a row wants its server. */
export interface ServerWish {
  readonly needsFreshStart?: boolean;
  readonly flags?: readonly string[];
}

/** Runs `scenario` on a server without a backend. */
export async function onPublicServer(
  subject: Subject,
  scenario: Scenario,
  { needsFreshStart = false, flags }: ServerWish = {},
): Promise<Measurement | null> {
  const mode = { kind: "public", ...(flags && { flags }) } as const;
  const server = await subject.start(mode, needsFreshStart);
  if (!server) return null;
  try {
    return await runLoad(server.target, scenario);
  } finally {
    await server.stop();
  }
}

/** Runs `scenario` on a server with the cheap backend of that kind behind it. */
export async function onRpcServer(
  subject: Subject,
  kind: "grpc" | "http",
  scenario: Scenario,
): Promise<Measurement | null> {
  const backend = await startBackend(kind);
  try {
    const server = await subject.start({ kind: "rpc", backend: backend.host }, false);
    if (!server) return null;
    try {
      return await runLoad(server.target, scenario);
    } finally {
      await server.stop();
    }
  } finally {
    await backend.stop();
  }
}
