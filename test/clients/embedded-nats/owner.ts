import { createSystemClock } from "../../../src/app/system-clock.ts";
import { EmbeddedNats } from "../../../src/clients/embedded-nats/embedded-nats.ts";
import type { Log } from "../../../src/ports/log.ts";

/** A process that owns a server until it is killed: `owner.ts <port> <folder> <trampoline>…` prints the server's pid. */
const [port, folder = "", ...trampoline] = process.argv.slice(2);

const log: Log = {
  isDebug: true,
  debug: (_message, attributes) => {
    if (attributes?.["pid"] !== undefined) process.stdout.write(`${attributes["pid"]}\n`);
  },
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => log,
};

const nats = new EmbeddedNats(
  {
    serviceAddr: `nats://127.0.0.1:${port}`,
    name: "",
    clusterAddr: "",
    clusterName: "anycable-cluster",
    routes: [],
    gatewayAddr: "",
    gatewayAdvertise: "",
    gateways: [],
    isJetstream: false,
    storeDir: "",
    jetstreamReadyTimeoutS: 30,
    maxPayloadBytes: 0,
    isDebug: false,
    isTrace: false,
  },
  {
    clock: createSystemClock(),
    log,
    randomId: () => "x1Z",
    trampoline,
    cacheFolder: folder,
    tempFolder: folder,
  },
);
await nats.start();
setInterval(() => undefined, 1000);
