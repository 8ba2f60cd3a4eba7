import { expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { Application } from "../../support/application.ts";
import { runBinary } from "../../support/binary.ts";
import { Cableway, freePort, loopbackAddress } from "../../support/cableway.ts";
import { AUTH_FAILED, refusalOf, welcomed } from "../../support/welcomed.ts";
import { UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const BARE = { isBare: true };
const HTTP = "--broadcast_adapter=http";
const PUBLICATION = JSON.stringify({ stream: "a", data: "1" });

// Derived from the secret `qwerty`, spec "config", check 17.
const BROADCAST_KEY = "42923a28b760e667fc92f7c6123bb07a282822b329dd2ef48e7aee7830d98485";
const API_KEY = "bdd0244b3664404d03b7d0c2f1b946dc4fc6c13fdcbfa2be62a4a28deb04d096";
const RPC_KEY = "57c40610d142fe7d7999be4e23dfba4f42c3c542e1f278063e8e3b6a30b0c2bd";

/** Status of a publication. @param token of the Authorization header, as Bearer */
async function post(url: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return (await fetch(url, { method: "POST", body: PUBLICATION, headers })).status;
}

test.concurrent("config#17 One secret derives the tokens of publications, API and calls to the application", async () => {
  await using application = await Application.start();
  const options = ["--secret=qwerty", HTTP, application.option];
  await using server = await Cableway.start(options, BARE);

  for (const [path, key] of [
    ["/_broadcast", BROADCAST_KEY],
    ["/api/publish", API_KEY],
  ] as const) {
    expect(await post(`${server.url}${path}`, key)).toBe(201);
    for (const wrong of [undefined, "qwerty", RPC_KEY, `${key} `, key.toUpperCase()]) {
      const isTrimmed = wrong === `${key} `; // by HTTP itself
      expect([wrong, await post(`${server.url}${path}`, wrong)]).toEqual([
        wrong,
        isTrimmed ? 201 : 401,
      ]);
    }
  }
  using _client = await welcomed(server);
  expect(application.calls[0]?.headers["authorization"]).toBe(`Bearer ${RPC_KEY}`);
  for (const room of ["context=rpc", "context=broadcast provider=http"]) {
    const line = `INF auto-generated authorization secret from the application secret nodeid=\\S+ ${room}\n`;
    expect(server.log).toMatch(new RegExp(line));
  }
});

test.concurrent("Tokens of their own replace the derived ones, and the old broadcast option the new one", async () => {
  await using application = await Application.start();
  const keys = ["--secret=q", "--broadcast_key=bk", "--api_secret=ak", "--http_rpc_secret=rk"];
  await using server = await Cableway.start([...keys, HTTP, application.option], BARE);
  const old = ["--norpc", HTTP, "--broadcast_key=bk", "--http_broadcast_secret=old"];
  await using former = await Cableway.start(old, BARE);

  expect(await post(`${server.url}/_broadcast`, "bk")).toBe(201);
  expect(await post(`${server.url}/api/publish`, "ak")).toBe(201);
  using _client = await welcomed(server);
  expect(application.calls[0]?.headers["authorization"]).toBe("Bearer rk");

  expect(await post(`${former.url}/_broadcast`, "old")).toBe(201);
  expect(await post(`${former.url}/_broadcast`, "bk")).toBe(401);
  expect(former.log).toContain("DEPRECATION WARNING: http_broadcast_secret option is deprecated");
});

test.concurrent("config#18 broadcast_key=none opens publications on 8090 although there is a secret", async () => {
  const options = ["--secret=qwerty", "--broadcast_key=none", "--norpc", HTTP];
  await using server = await Cableway.start(options, BARE);

  const address = `http://${server.host}:8090/_broadcast`;
  await server.logged(`Accept broadcast requests at ${address} (no authorization)`);
  expect(await post(address)).toBe(201);
  expect(await post(`${server.url}/_broadcast`, BROADCAST_KEY)).toBe(404);
});

test.concurrent("config#19 Public mode opens publications; the API and tokens keep a secret that is there", async () => {
  await using open = await Cableway.start(["--public", "--norpc", HTTP], BARE);
  await using half = await Cableway.start(["--public", "--secret=x", "--norpc", HTTP], BARE);

  expect(await post(`http://${open.host}:8090/_broadcast`)).toBe(201);
  expect(await post(`${open.url}/api/publish`)).toBe(201);
  await open.logged(`Handle API requests at ${open.url}/api (no authorization)`);
  await open.logged("INF API server is running without authentication");
  await open.logged("WRN Server is running in the public mode");

  expect(await post(`${half.url}/_broadcast`)).toBe(201);
  expect(await post(`${half.url}/api/publish`)).toBe(401);
  await half.logged(`Accept broadcast requests at ${half.url}/_broadcast (no authorization)`);
  await half.logged(`Handle API requests at ${half.url}/api (authorization required)`);
  const refusal = { texts: [UNAUTHORIZED], close: AUTH_FAILED };
  expect(await refusalOf(half, { path: "/cable?jid=bad" })).toEqual(refusal);
});

test.concurrent("config#20 http-transports#32 Nobody asked for an API: there is none; a port alone makes an open one", async () => {
  const host = loopbackAddress();
  const port = await freePort(host);
  await using none = await Cableway.start(["--norpc", HTTP], BARE);
  await using own = await Cableway.start(["--norpc", HTTP, `--api_port=${port}`], {
    ...BARE,
    host,
  });

  expect(await post(`${none.url}/api/publish`)).toBe(404);
  expect(none.log).not.toContain("API");

  expect(await post(`http://${host}:${port}/api/publish`)).toBe(201);
  expect(await post(`${own.url}/api/publish`)).toBe(404);
  await own.logged(`Handle API requests at http://${host}:${port}/api (no authorization)`);
});

test.concurrent("config#30 A main port that is taken ends the start with code 1", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.once("error", () => resolve()); // somebody has it already: taken all the same
    taken.listen(8080, "127.0.0.1", resolve);
  });
  const { exitCode, stdout } = await runBinary(["--norpc", HTTP]);
  taken.close();

  expect(exitCode).toBe(1);
  expect(stdout).toEndWith(
    "\nWebSocket server at http://localhost:8080 stopped: listen tcp 127.0.0.1:8080: bind: address already in use\n",
  );
});

test.concurrent("Other ports that are taken end the start by the name of their listener, but for metrics", async () => {
  await using other = await Cableway.start(["--norpc"]);
  const { host, port } = other;
  const start = async (arg: string) => {
    const main = await freePort(host);
    return Cableway.run(["--norpc", HTTP, arg], { ...BARE, host, port: main });
  };

  for (const [arg, name] of [
    [`--http_broadcast_port=${port}`, "broadcasting HTTP server"],
    [`--api_port=${port}`, "API HTTP server"],
  ] as const) {
    const { exitCode, output } = await start(arg);
    const problem = `listen tcp ${host}:${port}: bind: address already in use\n`;
    expect(exitCode).toBe(1);
    expect(output).toEndWith(`\n${name} at ${other.url} stopped: ${problem}`);
  }

  const metrics = ["--norpc", HTTP, "--metrics_http=/m", `--metrics_port=${port}`];
  await using server = await Cableway.start(metrics, { ...BARE, host });
  expect((await server.fetch("/health")).status).toBe(200);
});

// Whoever waited for the main port was refused by the others now and then.
test.concurrent("The main port opens last: who finds it open finds all of them", async () => {
  const host = loopbackAddress();
  const [api, metrics] = [await freePort(host), await freePort(host)];
  const ports = [`--api_port=${api}`, "--metrics_http=/m", `--metrics_port=${metrics}`];
  const options = ["--norpc", "--debug", HTTP, ...ports];
  await using server = await Cableway.start(options, { ...BARE, host });

  const openings = server.log.matchAll(/ starting HTTP server .*name="([^"]+)"/g);
  const names = [...openings].map(([, name]) => name);
  expect(names).toHaveLength(4);
  expect(names.at(-1)).toBe("WebSocket server");
  expect(await post(`http://${host}:8090/_broadcast`)).toBe(201);
  expect(await post(`http://${host}:${api}/api/publish`)).toBe(201);
  expect((await fetch(`http://${host}:${metrics}/m`)).status).toBe(200);
});

test.concurrent("A port that cannot be ends the start by the name of its listener", async () => {
  const main = await Cableway.run(["--norpc", HTTP], { ...BARE, port: 99_999 });
  const broadcast = await Cableway.run(["--norpc", HTTP, "--http_broadcast_port=-1"], BARE);

  const text = "stopped: listen tcp: address 99999: invalid port\n";
  expect(main.exitCode).toBe(1);
  expect(main.output).toMatch(new RegExp(`\nWebSocket server at http://\\S+:99999 ${text}$`));
  expect(broadcast.exitCode).toBe(1);
  expect(broadcast.output).toContain("broadcasting HTTP server at http://");
});

test.concurrent("Two components on one path end the start and are told apart", async () => {
  for (const arg of ["--metrics_http=/cable", "--metrics_http=/_broadcast", "--path=/health"]) {
    const { exitCode, output } = await Cableway.run(["--norpc", arg]);
    expect([arg, exitCode]).toEqual([arg, 1]);
    expect(output).toMatch(
      /two endpoints on http:\S+ have the path \/(cable|_broadcast|health)\n$/,
    );
  }
});

test.concurrent("Components that join a port of another one say so at debug level", async () => {
  await using server = await Cableway.start(["--norpc", "--debug", "--api_secret=s"]);

  await server.loggedTimes(" DBG HTTP server has been already started ", 3);

  expect(server.log.match(/ DBG starting HTTP server .*/g)).toHaveLength(1);
});
