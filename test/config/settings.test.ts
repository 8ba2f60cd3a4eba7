import { expect, test } from "bun:test";
import { type Given, settingsOf } from "./loading.ts";

const FILE = "--config-path=c.toml";

test("Nothing set gives the documented defaults", () => {
  const redis = {
    url: "redis://localhost:6379",
    sentinels: [],
    sentinelDiscoveryIntervalS: 30,
    keepaliveIntervalS: 30,
    isTlsVerified: false,
    tlsCaCertPath: "",
    tlsClientCertPath: "",
    tlsClientKeyPath: "",
    maxReconnectAttempts: 5,
    isCacheDisabled: false,
  };
  const nats = { servers: ["nats://127.0.0.1:4222"], isOrdered: false, maxReconnectAttempts: 5 };

  expect(settingsOf([])).toEqual({
    nodeId: "aB3_xZ",
    isPublic: false,
    isNoAuth: false,
    server: {
      host: "localhost",
      port: 8080,
      allowedOrigins: [],
      maxConnections: 0,
      healthPath: "/health",
      tls: null,
    },
    logging: { level: "info", format: "text", isDebugBanner: false },
    rpc: {
      implementation: "grpc",
      host: "localhost:50051",
      headers: ["cookie"],
      cookies: [],
      concurrency: 28,
      concurrencyInitial: 25,
      concurrencyMin: 5,
      concurrencyMax: 100,
      tls: { isEnabled: false, isVerified: true, rootCa: "", isAlpnRequired: true },
      secret: "",
      isSecretDerived: false,
      requestTimeoutMs: 0,
      commandTimeoutMs: 3000,
      httpRequestTimeoutMs: 3000,
      maxRecvBytes: 0,
      maxSendBytes: 0,
    },
    broker: {
      adapter: "none",
      historyTtlS: 300,
      historyLimit: 100,
      sessionsTtlS: 300,
      presenceTtlS: 15,
      natsReplicas: 1,
      streamRules: [],
    },
    jwt: null,
    streams: {
      secret: "",
      isPublic: false,
      canWhisper: false,
      hasPresence: true,
      pubsubChannel: "$pubsub",
      turboSecret: null,
      cableReadySecret: null,
    },
    ws: {
      paths: ["/cable"],
      maxMessageBytes: 65_536,
      writeTimeoutS: 2,
      maxPendingBytes: 1_048_576,
      maxSubscriptions: 10_000,
      isCompressed: false,
      readBufferBytes: 1024,
      writeBufferBytes: 1024,
      isNetpoll: true,
    },
    broadcast: { adapters: ["http", "redis"], isAsked: false },
    httpBroadcast: {
      host: "localhost",
      port: 8090,
      path: "/_broadcast",
      secret: "",
      isSecretDerived: false,
      isCors: false,
      corsHosts: [],
      maxBodyBytes: 10_485_760,
    },
    redisStreamBroadcast: { stream: "__anycable__", group: "bx", readBlockMs: 2000, redis },
    redisPubsubBroadcast: { channel: "__anycable__", redis },
    natsBroadcast: { channel: "__anycable__", nats },
    pubsub: {
      adapter: "none",
      redis: { channel: "__anycable_internal__", redis },
      nats: { channel: "__anycable_internal__", nats },
    },
    redis,
    nats,
    embeddedNats: {
      isEnabled: false,
      isDebug: false,
      isTrace: false,
      name: "",
      serviceAddr: "nats://127.0.0.1:4222",
      clusterAddr: "",
      clusterName: "anycable-cluster",
      gatewayAddr: "",
      gatewayAdvertise: "",
      gateways: [],
      routes: [],
      isJetstream: false,
      storeDir: "",
      jetstreamReadyTimeoutS: 30,
      maxPayloadBytes: 0,
    },
    api: null,
    metrics: {
      httpPath: null,
      host: "localhost",
      port: 8080,
      isLogged: false,
      logFormatter: "",
      intervalS: 15,
      logFilter: null,
      tags: [],
      hasMemoryMetrics: false,
      statsd: null,
    },
    app: {
      pingIntervalS: 3,
      pingPrecision: "s",
      pongTimeoutS: 0,
      isNativePings: false,
      disconnectMode: "auto",
      shutdownTimeoutS: 30,
      shutdownDelayS: 0,
      isSlowDrain: false,
      shutdownPoolSize: 16,
      statsRefreshIntervalS: 5,
      broadcastPoolSize: 16,
    },
    disconnector: { isEnabled: true, rate: 100, backlog: 4096 },
    sse: null,
    durableStreams: null,
    pusher: null,
    poll: null,
    graphql: null,
    ocpp: null,
  });
});

test("The scheme of the RPC host chooses the transport, a name overrides it, norpc both", () => {
  const implementation = (...argv: string[]) => settingsOf(argv).rpc.implementation;

  expect(implementation("--rpc_host=http://h/_anycable")).toBe("http");
  expect(implementation("--rpc_host=https://h/_anycable")).toBe("http");
  expect(implementation("--rpc_host=grpc://h:1")).toBe("grpc");
  expect(implementation("--rpc_host=dns:///h:1")).toBe("grpc");
  expect(implementation("--rpc_host=h:1", "--rpc_impl=http")).toBe("http");
  expect(implementation("--rpc_impl=none")).toBe("none");
  expect(implementation("--rpc_impl=http", "--norpc")).toBe("none");
});

test("norpc=false does not undo rpc.implementation of the file", () => {
  const given: Given = { files: { "c.toml": 'rpc.implementation = "none"' } };

  expect(settingsOf(["--config-path=c.toml", "--norpc=false"], given).rpc.implementation).toBe(
    "none",
  );
});

test("HTTP requests take their own timeout, else the general one, else three seconds", () => {
  const timeout = (...argv: string[]) => settingsOf(argv).rpc.httpRequestTimeoutMs;

  expect(timeout("--http_rpc_timeout=4", "--rpc_request_timeout=5")).toBe(4);
  expect(timeout("--rpc_request_timeout=5")).toBe(5);
  expect(timeout("--rpc_request_timeout=-5")).toBe(3000);
});

test("A root certificate switches TLS towards the application on", () => {
  const env = { GRPC_ENFORCE_ALPN_ENABLED: "false" };

  expect(settingsOf(["--rpc_tls_root_ca=/ca.pem"], { env }).rpc.tls).toEqual({
    isEnabled: true,
    isVerified: true,
    rootCa: "/ca.pem",
    isAlpnRequired: false,
  });
});

test("TLS of the listeners needs certificate and key, one alone is ignored", () => {
  expect(settingsOf(["--ssl_cert=c", "--ssl_key=k"]).server.tls).toEqual({
    certPath: "c",
    keyPath: "k",
  });
  expect(settingsOf(["--ssl_cert=c"]).server.tls).toBeNull();
  expect(settingsOf(["--ssl_key=k"]).server.tls).toBeNull();
});

test("Allowed origins are those of publications by HTTP too, but not of the API", () => {
  const { server, httpBroadcast, api } = settingsOf([
    "--allowed_origins=a.com,,*.b.com",
    "--http_broadcast_cors",
    "--api_port=1",
  ]);

  expect(server.allowedOrigins).toEqual(["a.com", "", "*.b.com"]);
  expect(httpBroadcast).toMatchObject({ isCors: true, corsHosts: ["a.com", "", "*.b.com"] });
  expect(api).toMatchObject({ isCors: false, corsHosts: [] });
});

// A list of empty entries, as `$HOST_A,$HOST_B` gives without its variables, opened the door to every origin.
test("Allowed origins of empty entries only are not an empty list", () => {
  const { server, httpBroadcast, api } = settingsOf(["--allowed_origins=,", FILE, "--api_port=1"], {
    files: { "c.toml": 'api.cors_hosts = ",,"' },
  });

  expect([server.allowedOrigins, httpBroadcast.corsHosts]).toEqual([
    ["", ""],
    ["", ""],
  ]);
  expect(api?.corsHosts).toEqual(["", "", ""]);
});

test("Turbo and CableReady take the streams secret when switched on without a key", () => {
  const { streams } = settingsOf(["--secret=s", "--turbo_streams", "--cable_ready_secret=c"]);

  expect([streams.turboSecret, streams.cableReadySecret]).toEqual(["s", null]);
  expect(settingsOf(["--cable_ready", "--cable_ready_secret=c"]).streams.cableReadySecret).toBe(
    "c",
  );
});

test("Metrics and API listen where the server does unless told otherwise", () => {
  const own = settingsOf(["--host=h", "--port=1", "--metrics_port=2", "--metrics_host=m"]);
  const shared = settingsOf(["--host=h", "--port=1", "--metrics_http=/m", "--api_secret=s"]);

  expect(own.metrics).toMatchObject({ host: "m", port: 2, httpPath: null });
  expect(shared.metrics).toMatchObject({ host: "h", port: 1, httpPath: "/m" });
  expect(shared.api).toMatchObject({ host: "h", port: 1, path: "/api" });
});

test("A filter of figures does not switch their log on, tags keep their order", () => {
  const { metrics } = settingsOf(["--metrics_log_filter=b,a", "--metrics_tags=z:1,a:2"], {
    env: { ANYCABLE_MEMORY_METRICS: "1" },
  });

  expect(metrics).toMatchObject({
    isLogged: false,
    logFilter: ["b", "a"],
    tags: [
      ["z", "1"],
      ["a", "2"],
    ],
    hasMemoryMetrics: true,
  });
});

test("The publication body limit is that of the API as well", () => {
  const { httpBroadcast, api } = settingsOf(["--broadcast_max_body_size=5", "--public"]);

  expect([httpBroadcast.maxBodyBytes, api?.maxBodyBytes]).toEqual([5, 5]);
});

test("The debug banner belongs to --debug, not to the level", () => {
  expect(settingsOf(["--log_level=debug"]).logging.isDebugBanner).toBe(false);
  expect(settingsOf(["--debug", "--log_level=error"]).logging).toMatchObject({
    level: "debug",
    isDebugBanner: true,
  });
});

test("Names of cookies are taken without the blanks around them", () => {
  expect(settingsOf(["--proxy-cookies=a, b ,c"]).rpc.cookies).toEqual(["a", "b", "c"]);
});
