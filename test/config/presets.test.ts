import { expect, test } from "bun:test";
import { overlay } from "../../src/config/option-set.ts";
import type { OptionKey, Options, OptionValue } from "../../src/config/option-table.ts";
import { applyPresets, choosePresets } from "../../src/config/presets.ts";
import { failureOf, runOf, settingsOf } from "./loading.ts";

const FLY = { FLY_APP_NAME: "A", FLY_REGION: "R", FLY_ALLOC_ID: "L" };

function applied(
  presets: string,
  given: Partial<Options> = {},
  env: Record<string, string> = FLY,
): Options {
  // The cast holds: entries of partial options are options.
  const entries = Object.entries(given) as [OptionKey, OptionValue][];
  const options = overlay([new Map(entries)]);
  applyPresets(presets.split(","), options, env);
  return options;
}

test("Fly without Redis gets embedded NATS for everything, config#24", () => {
  expect(applied("fly")).toMatchObject({
    "server.host": "0.0.0.0",
    pubsub_adapter: "nats",
    broadcast_adapters: ["http", "nats"],
    "embedded_nats.enabled": true,
    "embedded_nats.name": "fly-R-L-ct_",
    "embedded_nats.service_addr": "nats://0.0.0.0:4222",
    "embedded_nats.cluster_addr": "nats://0.0.0.0:5222",
    "embedded_nats.cluster_name": "A-R-cluster",
    "embedded_nats.routes": ["nats://R.A.internal:5222"],
    "embedded_nats.gateway_advertise": "R.A.internal:7222",
    "nats.servers": "nats://0.0.0.0:4222",
    "rpc.host": "localhost:50051",
  });
});

test("Fly with Redis uses Redis and leaves NATS off, config#25", () => {
  expect(applied("fly", { "redis.url": "redis://r:6379", pubsub_adapter: "redis" })).toMatchObject({
    pubsub_adapter: "redis",
    broadcast_adapters: ["http", "redis"],
    "embedded_nats.enabled": false,
  });
});

test("Fly finds the application by its name", () => {
  const env = { ...FLY, ANYCABLE_FLY_RPC_APP_NAME: "W" };

  expect(applied("fly", {}, env)["rpc.host"]).toBe("dns:///R.W.internal:50051");
  expect(applied("fly", { "rpc.host": "h:1" }, env)["rpc.host"]).toBe("h:1");
});

test("Fly leaves given values alone when pubsub is given", () => {
  expect(
    applied("fly", { pubsub_adapter: "none", "server.host": "h", "nats.servers": "nats://n:1" }),
  ).toMatchObject({
    "server.host": "h",
    pubsub_adapter: "none",
    broadcast_adapters: ["http"],
    "nats.servers": "nats://n:1",
    "embedded_nats.enabled": false,
  });
});

test("Fly replaces given adapters when it has to switch NATS on", () => {
  expect(applied("fly", { broadcast_adapters: ["redisx"] }).broadcast_adapters).toEqual([
    "http",
    "nats",
  ]);
});

test("Fly is detected by three variables, heroku by two, any named list prevents it", () => {
  expect(choosePresets([], false, FLY)).toEqual(["fly"]);
  expect(choosePresets([], false, { FLY_APP_NAME: "A", FLY_REGION: "R" })).toEqual([]);
  expect(choosePresets([], false, { HEROKU_APP_ID: "", HEROKU_DYNO_ID: "" })).toEqual(["heroku"]);
  expect(choosePresets(["none"], true, FLY)).toEqual(["none"]);
  expect(choosePresets([], true, FLY)).toEqual([]);
});

test("presets=none keeps the defaults on Fly, config#24", () => {
  const run = runOf(["--presets=none"], { env: FLY });

  expect(run.presets).toEqual(["none"]);
  expect(run.settings.server.host).toBe("localhost");
});

test("Publications of a start on Fly stay on 8090", () => {
  const { settings, presets } = runOf(["--pubsub=none"], { env: FLY });

  expect(presets).toEqual(["fly"]);
  expect(settings.httpBroadcast).toMatchObject({ host: "0.0.0.0", port: 8090 });
});

test("An empty list in the file prevents detection", () => {
  const files = { "c.toml": "presets = []" };

  expect(runOf(["--config-path=c.toml"], { env: FLY, files }).presets).toEqual([]);
});

test("Broker chooses by what there is: memory, Redis, embedded NATS, config#26", () => {
  const chosen = (given: Partial<Options>) => {
    const options = applied("broker", given);
    return [options["broker.adapter"], options.broadcast_adapters, options.pubsub_adapter];
  };

  expect(chosen({})).toEqual(["memory", ["http"], ""]);
  expect(chosen({ "redis.url": "redis://r:1" })).toEqual([
    "redis",
    ["http", "redisx", "redis"],
    "redis",
  ]);
  expect(chosen({ "embedded_nats.enabled": true })).toEqual(["nats", ["http", "nats"], "nats"]);
  expect(chosen({ "broker.adapter": "memory", broadcast_adapters: ["redis"] })).toEqual([
    "memory",
    ["redis"],
    "",
  ]);
});

test("The order of presets decides", () => {
  expect(applied("fly,broker")).toMatchObject({
    "broker.adapter": "nats",
    pubsub_adapter: "nats",
    broadcast_adapters: ["http", "nats"],
  });
  expect(applied("broker,fly")["broker.adapter"]).toBe("memory");
});

test("A start with the broker preset has memory and HTTP, unknown names do nothing, config#26", () => {
  const { broker, broadcast, pubsub } = settingsOf(["--presets=zzz,broker"]);

  expect(broker.adapter).toBe("memory");
  expect(broadcast.adapters).toEqual(["http"]);
  expect(pubsub.adapter).toBe("none");
});

test("Heroku binds all interfaces and does not move publications", () => {
  const env = { HEROKU_APP_ID: "a", HEROKU_DYNO_ID: "d", PORT: "5000" };

  expect(settingsOf([], { env })).toMatchObject({
    server: { host: "0.0.0.0", port: 5000 },
    httpBroadcast: { port: 8090 },
  });
});

test("Fly forced elsewhere stops the start, config#27", () => {
  expect(failureOf(["--presets=fly"]).stdout).toBe(
    "failed to load configuration presets, cause: FLY_REGION env is missing\n",
  );
  expect(failureOf(["--presets=fly"], { env: { FLY_REGION: "R" } }).stdout).toBe(
    "failed to load configuration presets, cause: FLY_APP_NAME env is missing\n",
  );
});

test("Fly tells peers of no gateway address when there is no gateway, unless the user gave one", () => {
  const advertised = (...argv: readonly string[]) =>
    runOf([...argv], { env: FLY }).settings.embeddedNats.gatewayAdvertise;

  expect(advertised()).toBe("");
  expect(advertised("--enats_gateway=nats://0.0.0.0:7222")).toBe("R.A.internal:7222");
  expect(advertised("--enats_gateway_advertise=h:1")).toBe("h:1");
});
