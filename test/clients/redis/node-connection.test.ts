import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createScript } from "../../../src/clients/redis/script.ts";
import { ServerError } from "../../../src/messages/server-error.ts";
import { type Certificates, createCertificates } from "../../support/certificates.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openNode } from "../../support/redis-node.ts";
import { redisTarget } from "../../support/redis-options.ts";
import { freePort, HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!HAS_REDIS)(titled("NodeConnection"), () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  test("NodeConnection answers commands, scripts and transactions", async () => {
    const connection = await openNode(redisTarget(server.url));
    const script = createScript("return {KEYS[1], ARGV[1]}");

    expect(await connection.call("set", "k", "ü\r\n1")).toBe("OK");
    expect(await connection.script(script, ["k"], ["a"])).toEqual(["k", "a"]);
    expect(
      await connection.transaction([
        ["get", "k"],
        ["incr", "n"],
      ]),
    ).toEqual(["ü\r\n1", 1]);
    expect(await connection.transaction([["incr", "n"]])).toEqual([2]);
    connection.close();
  });

  test("NodeConnection sends a script whole when the server has forgotten it", async () => {
    const connection = await openNode(redisTarget(server.url));
    const script = createScript("return 7");
    await connection.script(script, [], []);
    await server.call("script", "flush");

    expect(await connection.script(script, [], [])).toBe(7);
    connection.close();
  });

  test("NodeConnection rejects with what the server answers, without the command's arguments", async () => {
    const connection = await openNode(redisTarget(server.url));
    await connection.call("set", "text", "secret-value");

    const error = await connection.call("incr", "text").catch((reason: unknown) => reason);

    expect(error).toMatchObject({ code: "redis_reply", details: { reply: "ERR" } });
    expect(Bun.inspect(error)).not.toContain("secret-value");
    expect(await connection.transaction([["incr", "text"]]).catch(code)).toBe("redis_reply");
    connection.close();
  });

  test("NodeConnection prints nothing when it brings a password that nobody asks for", async () => {
    const warn = spyOn(console, "warn");
    for (const login of [":pw", "default:pw"]) {
      const connection = await openNode(redisTarget(server.url.replace("://", `://${login}@`)));

      expect(await connection.call("ping")).toBe("PONG");
      connection.close();
    }

    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test("NodeConnection speaks RESP2", async () => {
    const connection = await openNode(redisTarget(`${server.url}?client_name=resp`));

    const client = (await server.clients()).find((each) => each.get("name") === "resp");

    expect(client?.get("resp")).toBe("2");
    connection.close();
  });

  test("NodeConnection sends the commands of one turn in one write", async () => {
    const connection = await openNode(redisTarget(server.url));
    const reads = async () =>
      Number(/total_reads_processed:(\d+)/.exec(await server.client.info("stats"))?.[1]);
    const before = await reads();

    await Promise.all(Array.from({ length: 500 }, (_, n) => connection.call("set", `k${n}`, "1")));

    expect((await reads()) - before).toBeLessThan(20);
    connection.close();
  });

  test("NodeConnection chooses its database, and refuses to work in another one", async () => {
    const connection = await openNode(redisTarget(`${server.url}/3`));
    await connection.call("set", "here", "1");
    await server.call("select", 3);

    expect(await server.call("exists", "here")).toBe(1);
    await server.call("select", 0);
    const refusal = await openNode(redisTarget(`${server.url}/99`)).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code: "redis_reply", message: "ERR DB index is out of range" });
    connection.close();
  });

  test("NodeConnection tags every run of a server", async () => {
    const [before, again] = [await runTagOf(server), await runTagOf(server)];
    await server.kill();
    await server.start();
    const after = await runTagOf(server);

    expect(before).toMatch(/^[0-9a-f]{8}$/);
    expect(again).toBe(before);
    expect(after).not.toBe(before);
  });

  test("NodeConnection rejects what is under way at once when the server dies, and tells why it is gone", async () => {
    await using own = await RedisServer.start();
    const connection = await openNode(redisTarget(own.url));
    const waiting = connection.call("blpop", "nothing", "0").catch(code);

    await own.kill();

    expect(await waiting).toBe("redis_unavailable");
    expect((await connection.closed).code).toBe("redis_unavailable");
    expect(await connection.call("get", "k").catch(code)).toBe("redis_unavailable");
  });

  test("NodeConnection does not stop at a throw of whoever takes its messages", async () => {
    const connection = await openNode(redisTarget(server.url), { isPrimary: false });
    const heard: string[] = [];
    const failures: unknown[] = [];
    connection.onMessage(
      (_channel, message) => {
        heard.push(message);
        if (message === "1") throw new TypeError("a mistake");
      },
      (error) => failures.push(error),
    );
    await connection.subscribe(["__proto__", "c"]);

    await server.call("publish", "c", "1");
    await server.call("publish", "__proto__", "2");

    await until("both heard", () => heard.length === 2);
    expect(heard).toEqual(["1", "2"]);
    expect(failures).toEqual([new TypeError("a mistake")]);
    connection.close();
  });

  test("NodeConnection notices a server that hangs: a PING stays without an answer", async () => {
    await using own = await RedisServer.start();
    const target = redisTarget(`${own.url}?write_timeout=150ms`);
    const commands = await openNode(target, { pingIntervalMs: 50 });
    const listener = await openNode(target, { pingIntervalMs: 50, isPrimary: false });
    await listener.subscribe(["c"]);

    own.hang();

    const reasons = await Promise.all([commands.closed, listener.closed]);
    own.resume();
    expect(reasons.map((reason) => reason.message)).toEqual([
      expect.stringContaining("Socket timeout"),
      expect.stringContaining("Socket timeout"),
    ]);
  });

  test("NodeConnection stays while a quiet subscriber's PINGs are answered", async () => {
    const connection = await openNode(redisTarget(`${server.url}?write_timeout=200ms`), {
      pingIntervalMs: 20,
      isPrimary: false,
    });
    let isClosed = false;
    void connection.closed.then(() => {
      isClosed = true;
    });
    await connection.subscribe(["quiet"]);
    const before = await pings(server);

    await until("20 more pings", async () => (await pings(server)) > before + 20);

    expect(isClosed).toBe(false);
    connection.close();
  });

  test("NodeConnection gives up a connect that nobody waits for, and one that takes too long", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const target = redisTarget(`redis://:pw@127.0.0.1:${port}?dial_timeout=20s`);
    const clock = new FakeClock();
    const abort = new AbortController();
    const slow = openNode(target, {}, clock).catch(message);
    const unwanted = openNode(target, {}, new FakeClock(), abort.signal).catch(message);

    clock.advance(20_000);
    abort.abort();

    expect(await slow).toBe(`127.0.0.1:${port}: connect timed out`);
    expect(await unwanted).toBe(`127.0.0.1:${port}: connect was given up`);
    silent.close();
  });

  test("NodeConnection says what refused it", async () => {
    const port = await freePort();

    const refused = await openNode(redisTarget(`redis://127.0.0.1:${port}`)).catch(message);
    const unknown = await openNode(redisTarget("redis://no-such-host.invalid")).catch(code);

    expect(refused).toContain("ECONNREFUSED");
    expect(unknown).toBe("redis_unavailable");
  });

  // Asking a subscribed connection for its role cut every subscriber behind sentinels each 3 s.
  test("NodeConnection that is subscribed proves that the server lives, also a primary or one it may not ask", async () => {
    await using own = await RedisServer.start();
    const url = own.url.replace("//", "//ear:pw@");
    await own.call("acl", "setuser", "ear", "on", ">pw", "&*", "+subscribe", "+auth", "+role");
    const pinging = { isPrimary: true, pingIntervalMs: 5 };
    const connections = [
      await openNode(redisTarget(own.url), pinging),
      await openNode(redisTarget(url), pinging),
    ];
    const ended: string[] = [];
    for (const connection of connections) {
      void connection.closed.then((reason) => ended.push(reason.message));
      await connection.subscribe(["a"]);
    }

    await until("pinged", async () => {
      const stats = String(await own.client.info("commandstats"));
      return Number(/cmdstat_ping:calls=(\d+)/.exec(stats)?.[1] ?? 0) > 10;
    });

    expect(ended).toEqual([]);
    expect(await own.listeners("a")).toBe(2);
    for (const connection of connections) connection.close();
  });

  test("NodeConnection refuses a replica, and leaves a primary that became one", async () => {
    await using primary = await RedisServer.start();
    await using replica = await RedisServer.start();
    const pinging = await openNode(redisTarget(replica.url), { pingIntervalMs: 20 });
    const writing = await openNode(redisTarget(replica.url));

    await replica.call("replicaof", "127.0.0.1", primary.port);

    expect((await pinging.closed).code).toBe("redis_not_primary");
    expect(await writing.call("set", "k", "1").catch(message)).toContain("READONLY");
    expect((await writing.closed).message).toContain("READONLY");
    expect(await openNode(redisTarget(replica.url)).catch(code)).toBe("redis_not_primary");
    (await openNode(redisTarget(replica.url), { isPrimary: false })).close();
  });
});

describe.skipIf(!HAS_REDIS)(titled("NodeConnection and access rights"), () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start({ args: ["--requirepass", "root"], password: "root" });
    await server.call("acl", "setuser", "app", "on", ">pw1", "~*", "&*", "+@all", "-@dangerous");
  });
  afterAll(() => server.stop());

  test("NodeConnection logs in by password or by user and password", async () => {
    for (const login of [":root", "app:pw1", "default:root"]) {
      const connection = await openNode(redisTarget(`redis://${login}@127.0.0.1:${server.port}`));

      expect(await connection.call("ping")).toBe("PONG");
      connection.close();
    }
  });

  test("NodeConnection does without role and run tag where the user may not ask for them", async () => {
    const target = redisTarget(`redis://app:pw1@127.0.0.1:${server.port}`);
    const connection = await openNode(target, { pingIntervalMs: 10 });
    await server.call("acl", "log", "reset");

    expect(connection.runTag).toBe("unknown0");
    const before = await pings(server);
    await until("pings in place of ROLE", async () => (await pings(server)) > before + 5);
    expect(await server.call("acl", "log")).toEqual([]);
    connection.close();
  });

  test("NodeConnection shows no password when it is refused", async () => {
    for (const login of ["", ":bad-pw-1@", "app:bad-pw-1@"]) {
      const target = redisTarget(`redis://${login}127.0.0.1:${server.port}/0`);
      const error = await openNode(target).catch((reason: unknown) => reason);

      expect(message(error)).toMatch(/WRONGPASS|NOAUTH/);
      expect(Bun.inspect(error)).not.toContain("bad-pw-1");
    }
  });
});

describe.skipIf(!HAS_REDIS)(titled("NodeConnection over TLS and sockets"), () => {
  let certificates: Certificates;
  let server: RedisServer;
  let tlsPort = 0;
  beforeAll(async () => {
    certificates = await createCertificates();
    tlsPort = await freePort();
    const { ca, cert, key, folder } = certificates;
    const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca];
    const tls = ["--tls-port", String(tlsPort), "--tls-auth-clients", "optional", ...files];
    server = await RedisServer.start({
      args: [...tls, "--unixsocket", join(folder, "redis.sock")],
    });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(certificates.folder, { recursive: true, force: true });
  });

  const tlsUrl = (host = "127.0.0.1") => `rediss://${host}:${tlsPort}`;

  test("NodeConnection accepts any certificate unless told to verify", async () => {
    const connection = await openNode(redisTarget(tlsUrl()));

    expect(await connection.call("ping")).toBe("PONG");
    connection.close();
  });

  test("NodeConnection verifies by the given CA, for an address and for a name", async () => {
    const verified = { isTlsVerified: true, tlsCaCertPath: certificates.ca };
    for (const host of ["127.0.0.1", "localhost"]) {
      const connection = await openNode(redisTarget(tlsUrl(host), verified));

      expect(await connection.call("ping")).toBe("PONG");
      connection.close();
    }

    expect(await openNode(redisTarget(tlsUrl(), { isTlsVerified: true })).catch(code)).toBe(
      "redis_unavailable",
    );
  });

  test("NodeConnection shows its own certificate", async () => {
    await server.call("config", "set", "tls-auth-clients", "yes");
    const { cert, key } = certificates;
    const own = { tlsClientCertPath: cert, tlsClientKeyPath: key };
    const connection = await openNode(redisTarget(tlsUrl(), own));

    expect(await connection.call("ping")).toBe("PONG");
    expect(await openNode(redisTarget(tlsUrl())).catch(code)).toBe("redis_unavailable");
    connection.close();
    await server.call("config", "set", "tls-auth-clients", "optional");
  });

  test("NodeConnection does not speak TLS to a plain port for long", async () => {
    const target = redisTarget(`rediss://127.0.0.1:${server.port}?dial_timeout=500ms`);

    expect(await openNode(target).catch(code)).toBe("redis_unavailable");
  });

  test("NodeConnection connects to a socket in the file system", async () => {
    const path = join(certificates.folder, "redis.sock");
    const connection = await openNode(redisTarget(`unix://${path}?db=4&client_name=me1`));

    await connection.call("ping");

    const [client] = await server.clients();
    expect([client?.get("db"), client?.get("name")]).toEqual(["4", "me1"]);
    connection.close();
  });
});

async function runTagOf(server: RedisServer): Promise<string> {
  const connection = await openNode(redisTarget(server.url));
  connection.close();
  return connection.runTag;
}

/** PINGs the server has answered so far. */
async function pings(server: RedisServer): Promise<number> {
  const stats = await server.client.info("commandstats");
  return Number(/cmdstat_ping:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

function code(error: unknown): string {
  return error instanceof ServerError ? error.code : `not a ServerError: ${error}`;
}

function message(error: unknown): string {
  return error instanceof ServerError ? error.message : `not a ServerError: ${error}`;
}
