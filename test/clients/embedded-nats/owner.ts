import { createSystemClock } from "../../../src/app/system-clock.ts";
import { EmbeddedNats } from "../../../src/clients/embedded-nats/embedded-nats.ts";
import { FakeLog } from "../../support/fake-log.ts";

/** A process that owns a server until it is killed: `owner.ts <port> <folder>` prints the server's pid. */
const [port, folder = ""] = process.argv.slice(2);

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
    cacheFolder: folder,
    tempFolder: folder,
    searchPath: process.env["PATH"] ?? "",
  },
  {
    clock: createSystemClock(),
    log: new FakeLog(),
    randomId: () => "x1Z",
    onFatal: () => process.exit(1),
    onBack: () => undefined,
  },
);
await nats.start();
process.stdout.write(`${nats.pid}\n`);
setInterval(() => undefined, 1000);
