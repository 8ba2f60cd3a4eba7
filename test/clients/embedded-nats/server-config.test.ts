import { expect, test } from "bun:test";
import type { EmbeddedNatsOptions } from "../../../src/clients/embedded-nats/options.ts";
import { planServer } from "../../../src/clients/embedded-nats/server-config.ts";

const DEFAULTS: EmbeddedNatsOptions = {
  serviceAddr: "nats://127.0.0.1:4222",
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
};

function plan(given: Partial<EmbeddedNatsOptions>) {
  const planned = planServer(
    { ...DEFAULTS, ...given },
    { tempFolder: "/tmp", randomId: (length) => "x1Z".slice(0, length) },
  );
  return { ...planned, config: JSON.parse(planned.config) as unknown };
}

test("planServer turns the defaults into a server without cluster, gateway and JetStream", () => {
  expect(plan({})).toEqual({
    serverName: "nats-127.0.0.1-4222-x1Z",
    address: { host: "127.0.0.1", port: 4222 },
    config: {
      server_name: "nats-127.0.0.1-4222-x1Z",
      host: "127.0.0.1",
      port: 4222,
      logtime: false,
      debug: false,
      trace: false,
      max_payload: 1_048_576,
    },
    disposableFolder: null,
    readyLines: ["Server is ready"],
    summary:
      "Embedded NATS server started: nats://127.0.0.1:4222 (server_name: nats-127.0.0.1-4222-x1Z)",
    warnings: [],
  });
});

test("planServer puts every option where nats-server reads it", () => {
  const { config, summary } = plan({
    serviceAddr: "nats://u:p@0.0.0.0:4333",
    name: "n1",
    clusterAddr: "nats://0.0.0.0:5222",
    routes: ["nats://10.0.0.2:5222", "nats://10.0.0.3:5222"],
    gatewayAddr: "nats://[::1]:7222",
    gatewayAdvertise: "pub.example:7222",
    gateways: ["b:nats://b1:7222,nats://b2:7222", "c:nats://c1:7222"],
    isJetstream: true,
    storeDir: "/data/nats",
    maxPayloadBytes: 200_000,
    isDebug: true,
    isTrace: true,
  });

  expect(config).toEqual({
    server_name: "n1",
    host: "0.0.0.0",
    port: 4333,
    logtime: false,
    debug: true,
    trace: true,
    max_payload: 200_000,
    jetstream: { store_dir: "/data/nats" },
    cluster: {
      name: "anycable-cluster",
      host: "0.0.0.0",
      port: 5222,
      routes: ["nats://10.0.0.2:5222", "nats://10.0.0.3:5222"],
    },
    gateway: {
      name: "anycable-cluster",
      host: "::1",
      port: 7222,
      advertise: "pub.example:7222",
      gateways: [
        { name: "b", urls: ["nats://b1:7222", "nats://b2:7222"] },
        { name: "c", urls: ["nats://c1:7222"] },
      ],
    },
  });
  expect(summary).toBe(
    "Embedded NATS server started: nats://0.0.0.0:4333 (server_name: n1, cluster: nats://0.0.0.0:5222, " +
      "cluster_name: anycable-cluster, routes: nats://10.0.0.2:5222,nats://10.0.0.3:5222, " +
      "gateway: nats://[::1]:7222, gateways: [b:nats://b1:7222,nats://b2:7222 c:nats://c1:7222], " +
      "gateway_advertise: pub.example:7222)",
  );
});

test("planServer leaves cluster and gateway off without their address or the cluster's name", () => {
  const bare = plan({}).config;

  expect(plan({ routes: ["nats://h:1"], gatewayAdvertise: "h:2" }).config).toEqual(bare);
  const nameless = { clusterName: "", clusterAddr: "nats://h:1", gatewayAddr: "nats://h:2" };
  expect(plan(nameless).config).toEqual(bare);
});

test("planServer waits for the port of routes, too, when there is a cluster", () => {
  const { readyLines } = plan({ clusterAddr: "nats://127.0.0.1:5222" });

  expect(readyLines).toEqual(["Server is ready", "Listening for route connections"]);
});

test("planServer stores under the server's name in the temporary folder; a made-up name does not last", () => {
  const made = plan({ isJetstream: true });
  const named = plan({ isJetstream: true, name: "n1" });

  expect(made.disposableFolder).toBe("/tmp/nats-data/nats-127.0.0.1-4222-x1Z");
  expect(made.config).toMatchObject({ jetstream: { store_dir: made.disposableFolder } });
  expect(named.config).toMatchObject({ jetstream: { store_dir: "/tmp/nats-data/n1" } });
  expect(named.disposableFolder).toBeNull();
  expect(plan({ isJetstream: true, storeDir: "/data" }).disposableFolder).toBeNull();
});

test("planServer shows no password of a URL", () => {
  const secret = "nats://u:secret@127.0.0.1:4222";
  const { serverName, summary } = plan({
    serviceAddr: secret,
    clusterAddr: "nats://u:secret@127.0.0.1:5222",
    routes: ["nats://u:secret@h:5222"],
    gatewayAddr: "nats://u:secret@127.0.0.1:7222",
    gateways: ["b:nats://u:secret@b1:7222,nats://u:secret@b2:7222"],
  });

  expect(serverName).toBe("nats-127.0.0.1-4222-x1Z");
  expect(summary).not.toContain("secret");
});

test("planServer names options that do nothing without another one", () => {
  const { warnings } = plan({ routes: ["nats://h:1"], gateways: ["b:nats://h:2"] });

  expect(warnings).toEqual([
    "enats_cluster_routes has no effect without enats_cluster and enats_cluster_name",
    "enats_gateways has no effect without enats_gateway and enats_cluster_name",
  ]);
});

test("planServer warns of a made-up name in a JetStream cluster, and only there", () => {
  const cluster = { clusterAddr: "nats://127.0.0.1:5222", routes: ["nats://127.0.0.1:5222"] };

  const warning = expect.stringContaining("needs enats_server_name");
  expect(plan({ ...cluster, isJetstream: true }).warnings).toEqual([warning]);
  expect(plan({ ...cluster, isJetstream: true, name: "n1" }).warnings).toEqual([]);
  expect(plan(cluster).warnings).toEqual([]);
  expect(plan({ isJetstream: true }).warnings).toEqual([]);
});

test("planServer names what is wrong with an address", () => {
  const cluster = { clusterAddr: "nats://127.0.0.1:5222" };
  const gateway = { gatewayAddr: "nats://127.0.0.1:7222" };

  const refusals: readonly [Partial<EmbeddedNatsOptions>, string][] = [
    [{ serviceAddr: "127.0.0.1:4222" }, "failed to parse NATS server URL"],
    [{ serviceAddr: "nats://h" }, "failed to parse NATS server URL, can not fetch port"],
    [{ serviceAddr: "nats://h:99999" }, "ports are from 1 to 65535"],
    [{ serviceAddr: "nats://h:0" }, "ports are from 1 to 65535"],
    [{ serviceAddr: "tls://h:4222" }, "the embedded server has no TLS"],
    [{ clusterAddr: "nats://127.0.0.1" }, "failed to configure NATS cluster"],
    [{ ...cluster, routes: ["::bad::"] }, "failed to parse routes"],
    [{ gatewayAddr: "nats://127.0.0.1" }, "failed to configure NATS gateway"],
    [{ ...gateway, gateways: ["b"] }, "failed to configure NATS gateway"],
    [{ ...gateway, gateways: ["b:h"] }, "failed to configure NATS gateway"],
    [{ name: "a\nport: 1" }, "control characters are not allowed"],
  ];
  for (const [given, text] of refusals) expect(() => plan(given)).toThrow(text);
});

test("planServer refuses a JetStream cluster without routes and names them; one to itself will do", () => {
  const cluster = { isJetstream: true, clusterAddr: "nats://127.0.0.1:5222" };

  expect(() => plan(cluster)).toThrow("JetStream cluster requires configured routes");
  expect(() => plan({ ...cluster, routes: ["nats://127.0.0.1:5222"] })).not.toThrow();
});
