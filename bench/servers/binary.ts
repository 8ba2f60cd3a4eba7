import { freePort, startChild } from "./child.ts";
import { type Mode, PUBLIC_IDENTIFIER, RPC_IDENTIFIER, type Subject } from "./subject.ts";

const ADAPTER_FLAG = "--broadcast_adapter=";

/** An executable that takes the flags of Cableway and the reference. Each start is a new process on free ports. */
export function binarySubject(name: string, path: string): Subject {
  return {
    name,
    async start(mode) {
      const port = freePort();
      const publishPort = freePort();
      const flags = modeFlags(mode);
      const isHttp = !flags.some((flag) => flag.startsWith(ADAPTER_FLAG));
      const command = [
        path,
        ...flags,
        "--host=127.0.0.1",
        `--port=${port}`,
        "--log_level=warn",
        ...(isHttp ? [`${ADAPTER_FLAG}http`, `--http_broadcast_port=${publishPort}`] : []),
      ];
      const child = await startChild({ command, ports: isHttp ? [port, publishPort] : [port] });
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
  if (mode.kind === "public") return ["--public", ...(mode.flags ?? [])];
  return [`--rpc_host=${mode.backend}`, "--disconnect_mode=never"];
}
