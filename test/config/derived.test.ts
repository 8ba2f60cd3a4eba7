import { describe, expect, test } from "bun:test";
import { derivedKey } from "../../src/config/secrets.ts";
import { printed, printedFile, runOf, settingsOf } from "./loading.ts";

test("Another Redis address selects Redis pub/sub, unless pubsub says otherwise, config#14", () => {
  const pubsub = (...argv: string[]) =>
    printed(argv, { env: { REDIS_URL: "redis://r:6379" } }).get("pubsub_adapter");

  expect(pubsub()).toBe("redis");
  expect(pubsub("--pubsub=none")).toBe("none");
  expect(pubsub("--pubsub=nats")).toBe("nats");
  expect(pubsub("--redis_url=redis://localhost:6379")).toBeUndefined();
});

test("Adapter redisx and broker redis select Redis pub/sub, NATS never does, config#15", () => {
  const pubsub = (...argv: string[]) => printed(argv).get("pubsub_adapter");

  expect(pubsub("--broadcast_adapter=redisx")).toBe("redis");
  expect(pubsub("--broker=redis")).toBe("redis");
  expect(pubsub("--embed_nats", "--broadcast_adapter=nats")).toBeUndefined();
});

function secrets(...argv: string[]): unknown[] {
  return printed(argv).all(
    "streams.secret",
    "jwt.secret",
    "pusher.secret",
    "http_broadcast.port",
    "http_broadcast.secret",
    "rpc.secret",
    "api.secret",
  );
}

const no = undefined;

test("The application secret is what other secrets fall back to, config#16", () => {
  expect(secrets("--secret=qwerty")).toEqual(["qwerty", "qwerty", "qwerty", 8080, no, no, no]);
});

test("Own secrets win over the application secret, none clears them", () => {
  const own = ["streams", "jwt", "pusher", "http_rpc", "api"].map(
    (name) => `--${name}_secret=${name}`,
  );
  const none = [
    "streams_secret",
    "jwt_secret",
    "pusher_secret",
    "http_rpc_secret",
    "broadcast_key",
  ];

  expect(secrets("--secret=q", ...own)).toEqual([
    "streams",
    "jwt",
    "pusher",
    8080,
    no,
    "http_rpc",
    "api",
  ]);
  expect(secrets("--secret=q", ...none.map((name) => `--${name}=none`))).toEqual([
    no,
    "",
    no,
    8090,
    no,
    no,
    no,
  ]);
});

test("secret=none is no secret at all", () => {
  const settings = settingsOf(["--secret=none"]);

  expect(secrets("--secret=none")).toEqual([no, "", no, 8090, no, no, no]);
  expect(settings.httpBroadcast).toMatchObject({ secret: "", isSecretDerived: false, port: 8090 });
  expect(settings.rpc.secret).toBe("");
  expect([settings.jwt, settings.api]).toEqual([null, null]);
});

test("Publications move to the main port when they are guarded, unless a port is given", () => {
  expect(secrets("--broadcast_key=k", "--port=77").slice(3, 5)).toEqual([77, "k"]);
  expect(secrets("--broadcast_key=k", "--http_broadcast_port=5")[3]).toBe(5);
  expect(secrets("--public")[3]).toBe(8090);
  expect(secrets("--public", "--secret=x", "--port=77").slice(3, 5)).toEqual([77, no]);
  expect(secrets("--public", "--broadcast_key=k", "--port=77").slice(3, 5)).toEqual([77, no]);
});

describe("Tokens derived from a secret are HMAC-SHA256 in hex, config#17", () => {
  for (const [secret, phrase, token] of [
    ["qwerty", "rpc-cable", "57c40610d142fe7d7999be4e23dfba4f42c3c542e1f278063e8e3b6a30b0c2bd"],
    [
      "qwerty",
      "broadcast-cable",
      "42923a28b760e667fc92f7c6123bb07a282822b329dd2ef48e7aee7830d98485",
    ],
    ["qwerty", "api-cable", "bdd0244b3664404d03b7d0c2f1b946dc4fc6c13fdcbfa2be62a4a28deb04d096"],
    ["секрет", "rpc-cable", "61912f8fec0b37e5b5efcd3b1e5f0827991d74cd00657524bd6372449de717e0"],
  ] as const) {
    test(`${secret}, ${phrase}`, () => expect(derivedKey(secret, phrase)).toBe(token));
  }

  test("they reach the settings of their doors", () => {
    const { httpBroadcast, api, rpc } = settingsOf(["--secret=qwerty"]);

    expect([httpBroadcast, api, rpc].map((door) => door?.isSecretDerived)).toEqual([
      true,
      true,
      true,
    ]);
    expect(httpBroadcast.secret).toBe(derivedKey("qwerty", "broadcast-cable"));
    expect(api?.secret).toBe(derivedKey("qwerty", "api-cable"));
    expect(rpc.secret).toBe(derivedKey("qwerty", "rpc-cable"));
  });
});

test("Given tokens are taken as they are; the old broadcast secret wins over the key", () => {
  const { httpBroadcast, api, rpc } = settingsOf([
    "--secret=q",
    "--broadcast_key=bk",
    "--http_broadcast_secret=old",
    "--api_secret=none",
    "--http_rpc_secret=rk",
  ]);

  expect([httpBroadcast.secret, api?.secret, rpc.secret]).toEqual(["old", "none", "rk"]);
  expect([httpBroadcast, api, rpc].map((door) => door?.isSecretDerived)).toEqual([
    false,
    false,
    false,
  ]);
});

test("broadcast_key=none opens publications although there is a secret, config#18", () => {
  expect(settingsOf(["--secret=q", "--broadcast_key=none"]).httpBroadcast).toMatchObject({
    port: 8090,
    secret: "",
    isSecretDerived: false,
  });
});

test("Public mode opens publications, but an API with a secret stays closed, config#19", () => {
  const open = settingsOf(["--public"]);
  const half = settingsOf(["--public", "--secret=x"]);

  expect(open).toMatchObject({ isPublic: true, isNoAuth: true, jwt: null });
  expect(open.streams.isPublic).toBe(true);
  expect(open.httpBroadcast).toMatchObject({ port: 8090, secret: "" });
  expect(open.api).toMatchObject({ port: 8080, secret: "" });
  expect(half.httpBroadcast).toMatchObject({ port: 8080, secret: "", isSecretDerived: false });
  expect(half.api?.secret).toBe(derivedKey("x", "api-cable"));
  expect(half.jwt).toEqual({ secret: "x", param: "jid", isEnforced: false });
});

test("The API is there for a secret, a port or public mode only, config#20", () => {
  expect(settingsOf([]).api).toBeNull();
  expect(settingsOf(["--api_port=8081"]).api).toMatchObject({ port: 8081, secret: "" });
  expect(settingsOf(["--api_secret=s"]).api).toMatchObject({ port: 8080, secret: "s" });
});

test("The same Redis channel twice is warned of and changed, config#21", () => {
  const argv = ["--redis_channel=__anycable_internal__"];

  expect(printed(argv).warnings).toStartWith("WARNING: Same Redis channel");
  expect(printed(argv).get("redis_pubsub.channel")).toBe("__anycable_internal__-int");
  expect(printed([...argv, "--broadcast_adapter=http"]).warnings).toBe("");
});

test("Embedded NATS is the NATS server unless another one is given, config#22", () => {
  const servers = (...argv: string[]) => printed(argv).get("nats.servers");
  const addr = "--enats_addr=nats://0.0.0.0:4242";

  expect(servers("--embed_nats", addr)).toBe("nats://0.0.0.0:4242");
  expect(servers("--embed_nats", addr, "--nats_servers=nats://n:1")).toBe("nats://n:1");
  expect(servers(addr)).toBe("nats://127.0.0.1:4222");
});

test("An old option is warned of in three lines and does its work, config#23", () => {
  const config = printed(["--turbo_rails_key=k", "--turbo_streams_secret=other"]);

  expect(config.warnings).toBe(
    "DEPRECATION WARNING: turbo_rails_key option is deprecated\nand will be removed in the next major version.\nUse turbo_streams_secret instead.\n",
  );
  expect(config.all("streams.turbo", "streams.turbo_secret")).toEqual([true, "k"]);
});

test("Old options are warned of in a fixed order", () => {
  const { warnings } = printed(
    "--http_broadcast_secret=s --jwt_id_enforce --jwt_id_param=p --jwt_id_key=k --cable_ready_cleartext --cable_ready_key=k --turbo_rails_cleartext --turbo_rails_key=k --redis_channel=__anycable_internal__ --disconnect_timeout=3 --disable_disconnect --metrics_log_interval=7".split(
      " ",
    ),
  );

  expect(Array.from(warnings.matchAll(/WARNING: (\w+)/g), (match) => match[1] ?? "")).toEqual(
    "metrics_log_interval disable_disconnect disconnect_timeout Same turbo_rails_key turbo_rails_cleartext cable_ready_key cable_ready_cleartext jwt_id_key jwt_id_param jwt_id_enforce http_broadcast_secret".split(
      " ",
    ),
  );
});

test("Old options that say nothing are not warned of", () => {
  const argv =
    "--metrics_log_interval=0 --disable_disconnect=false --disconnect_timeout=0 --turbo_rails_key= --jwt_id_enforce=false --http_broadcast_secret= --http_rpc_timeout=5";

  expect(printed(argv.split(" ")).warnings).toBe("");
  expect(printedFile('http_broadcast.secret = "s"').warnings).toContain("http_broadcast_secret");
});

test("Old options act through the new ones", () => {
  const jwt = (...argv: string[]) => settingsOf(argv).jwt;

  expect(jwt("--jwt_id_key=k", "--secret=s")?.secret).toBe("k");
  expect(jwt("--jwt_id_key=k", "--jwt_secret=s")?.secret).toBe("s");
  expect(jwt("--jwt_secret=s", "--jwt_id_param=p", "--jwt_id_enforce")).toEqual({
    secret: "s",
    param: "p",
    isEnforced: true,
  });
  expect(settingsOf(["--metrics_log_interval=7"]).metrics.intervalS).toBe(15);
  expect(
    settingsOf(["--metrics_log_interval=7", "--metrics_rotate_interval=0"]).metrics.intervalS,
  ).toBe(7);
  expect(settingsOf(["--disable_disconnect"])).toMatchObject({
    disconnector: { isEnabled: false },
    app: { disconnectMode: "never" },
  });
});

test("Warnings come before the start, one text per option", () => {
  expect(runOf(["--jwt_id_key=k"]).warnings).toEqual([
    "DEPRECATION WARNING: jwt_id_key option is deprecated\nand will be removed in the next major version.\nUse jwt_secret instead.",
  ]);
});

test("The value of a metrics tag ends at a second colon, config#37", () => {
  expect(printed(["--metrics_tags=env:prod,v:a:b"]).get("metrics.tags")).toEqual({
    env: "prod",
    v: "a",
  });
});
