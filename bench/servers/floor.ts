import { join } from "node:path";
import { freePort, startChild } from "./child.ts";
import { PUBLIC_IDENTIFIER, type Subject } from "./subject.ts";

/** The bare Bun server (`floor/server.ts`); it has no backend and no flags. */
export const floorSubject: Subject = {
  name: "floor",
  async start(mode) {
    if (mode.kind !== "public" || mode.flags !== undefined) return null;
    const port = freePort();
    const script = join(import.meta.dir, "../floor/server.ts");
    const child = await startChild({
      command: [process.execPath, script, String(port)],
      ports: [port],
    });
    const target = {
      url: `ws://127.0.0.1:${port}/cable`,
      publishUrl: `http://127.0.0.1:${port}/_broadcast`,
      publishKey: null,
      pid: child.pid,
      identifier: PUBLIC_IDENTIFIER,
    };
    return { target, startMs: child.startMs, stop: child.stop };
  },
};
