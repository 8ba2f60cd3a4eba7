import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { channel, PONG, pubsub, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

test("rpc#1 The host says how the application is asked, and an unknown way stops the start", async () => {
  const hosts = [
    ["localhost:50051", "grpc"],
    ["127.0.0.1:50051/x", "grpc"],
    ["dns:///rpc:50051", "grpc"],
    ["grpc://h:1", "grpc"],
    ["http://h/p", "http"],
    ["https://h/p", "http"],
  ] as const;

  for (const [host, way] of hosts) {
    await using server = await Cableway.start([`--rpc_host=${host}`]);
    await server.logged(
      `RPC controller initialized: ${host} (concurrency: 28, impl: ${way}, enable_tls: false, ` +
        "proto_versions: v1, proxy_headers: cookie, proxy_cookies: <all>)",
    );
  }
  const { exitCode, output } = await Cableway.run(["--rpc_impl=trpc"]);
  expect(exitCode).toBe(1);
  expect(output).toContain("unknown RPC implementation: trpc");
});

test("rpc#7 The keys of the application, of publications and of the API all come from the secret", async () => {
  const derived = [
    [
      "s3Krit",
      "08ac56f1562c6377ddd5d2d55cee2e35e117a55959d6a6ea3a63548ef0a7e559",
      "a239a7ca182c90fc32bdedf73703d271388cf433843affffd3a5e757041fc716",
      "1db397202b5bd68b12665b638515c3aeac9100f721fd7c4fcb6f29c69f32c886",
    ],
    [
      "qwerty",
      "57c40610d142fe7d7999be4e23dfba4f42c3c542e1f278063e8e3b6a30b0c2bd",
      "42923a28b760e667fc92f7c6123bb07a282822b329dd2ef48e7aee7830d98485",
      "bdd0244b3664404d03b7d0c2f1b946dc4fc6c13fdcbfa2be62a4a28deb04d096",
    ],
    [
      "secret",
      "f07cae1c1e872f121cf4b7d3063cf9e53464f52cd944522d045ba5eee35a7912",
      "fc20575eaa046c555be789f7a9df5111d64eb17e4956597597c3220c1ad14739",
      "34fc66511bfadc564d321c133052f6d70cd9f768ca65d0186fbf51b5c16ed3aa",
    ],
    [
      "секрет",
      "61912f8fec0b37e5b5efcd3b1e5f0827991d74cd00657524bd6372449de717e0",
      "851d026170ed1b7650eb55c900e347ea7bdc00ed949ea62ab9324f2bf6971c84",
      "dd3a1eb1216730d3d56a23f219af5475510762345afdde0076f234ef4d84e387",
    ],
  ] as const;

  for (const [secret, rpcKey, broadcastKey, apiKey] of derived) {
    await using application = await Application.start();
    await using server = await Cableway.start([application.option, `--secret=${secret}`]);
    using client = await server.connect();
    await client.next();
    expect(application.calls[0]?.headers["authorization"]).toBe(`Bearer ${rpcKey}`);
    const status = async (path: string, key: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${key}` };
      const body = JSON.stringify({ stream: "news", data: "1" });
      return (await server.fetch(path, { method: "POST", headers, body })).status;
    };
    expect(await status("/_broadcast", broadcastKey)).toBe(201);
    expect(await status("/_broadcast", apiKey)).toBe(401);
    expect(await status("/api/publish", apiKey)).toBe(201);
    expect(await status("/api/publish", broadcastKey)).toBe(401);
  }
});

test("rpc#37 Without an application nobody without a token gets in, and nothing is counted about it", async () => {
  for (const option of ["--norpc", "--rpc_impl=none"]) {
    await using server = await Cableway.start([option]);
    await server.logged("no RPC configured");
    using client = await server.connect();
    expect(await client.nextText()).toBe(UNAUTHORIZED);
    expect(await client.closed()).toEqual({ code: 1000, reason: "Auth Failed" });
    const names = [...(await server.metrics()).keys()];
    expect(names.filter((name) => name.includes("rpc"))).toEqual([]);
  }
});

test("Without an application its channels are rejected and actions of built-in ones fail", async () => {
  await using server = await Cableway.start(["--norpc", "--public"]);
  using client = await server.connect();
  await client.next();
  const identifier = channel("Chat");

  client.send({ command: "subscribe", identifier });
  expect(await client.nextText()).toBe(
    `{"type":"reject_subscription","identifier":${JSON.stringify(identifier)}}`,
  );
  const news = await client.subscribe(pubsub("news"));
  client.send({ command: "message", identifier: news, data: "{}" });
  client.send({ command: "ping" });

  expect(await client.nextText()).toBe(PONG);
  await server.logged(/perform failed for .*not implemented/);
});
