import { freePort, startChild } from "./child.ts";
import { type Mode, PUBLIC_IDENTIFIER, RPC_IDENTIFIER, type Subject } from "./subject.ts";

/** An executable that takes the flags of Cableway and the reference. Each start is a new process on free ports. */
export function binarySubject(name: string, path: string): Subject {
  return {
    name,
    async start(mode) {
      const port = freePort();
      const publishPort = freePort();
      const command = [
        path,
        ...modeFlags(mode),
        "--host=127.0.0.1",
        `--port=${port}`,
        `--http_broadcast_port=${publishPort}`,
        "--broadcast_adapter=http",
        "--log_level=warn",
      ];
      const child = await startChild({ command, ports: [port, publishPort] });
      const target = {
        url: `ws://127.0.0.1:${port}/cable`,
        publishUrl: `http://127.0.0.1:${publishPort}/_broadcast`,
        publishKey: null,
        pid: child.pid,
        identifier: mode.kind === "public" ? PUBLIC_IDENTIFIER : RPC_IDENTIFIER,
      };
      return { target, startMs: child.startMs, stop: child.stop };
    },
  };
}

/** Without Disconnect calls: those of a warm-up would trickle into the measured stretch at their limited rate. */
function modeFlags(mode: Mode): readonly string[] {
  if (mode.kind === "public") return ["--public"];
  return [`--rpc_host=${mode.backend}`, "--disconnect_mode=never"];
}
