import { expect, test } from "bun:test";
import { ServerError } from "../../../src/messages/server-error.ts";
import { DescriptorGuard } from "../../../src/transports/http/descriptor-guard.ts";
import { Listener } from "../../../src/transports/http/listener.ts";
import type { SocketHandler } from "../../../src/transports/socket-handler.ts";
import type { UpgradeEndpoint } from "../../../src/transports/upgrade-endpoint.ts";
import { freePort } from "../../support/cableway.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";

const HOST = "127.0.0.1";

async function createListener(port?: number) {
  const log = new FakeLog();
  const listener = new Listener(
    {
      name: "WebSocket server",
      host: HOST,
      port: port ?? (await freePort(HOST)),
      tls: null,
      isCompressed: false,
      maxPayloadBytes: 1024 * 1024,
      maxBodyBytes: 1024 * 1024,
    },
    {
      log,
      descriptors: new DescriptorGuard(1e6, { clock: new FakeClock(), log, countUsed: () => 10 }),
    },
  );
  return { listener, log };
}

/** An endpoint at `/ws` whose sockets are handled as told. */
function endpointOf(handler: Partial<SocketHandler>): UpgradeEndpoint {
  const ignore = (): void => undefined;
  const data = {
    opened: ignore,
    received: ignore,
    drained: ignore,
    ponged: ignore,
    ended: ignore,
    ...handler,
  };
  return {
    matches: (path) => path === "/ws",
    owns: (path) => path === "/ws",
    handle: (request, _target, server) =>
      server.upgrade(request, { data }) ? undefined : new Response(null, { status: 400 }),
    stop: ignore,
  };
}

async function stopped(listener: Listener): Promise<void> {
  await listener.stop(AbortSignal.abort());
}

test("Listener serves plain routes by path, any method, and answers 404 for the rest", async () => {
  const { listener } = await createListener();
  listener.route("/x", (request) => new Response(request.method));
  listener.routeBelow("/below/", (request) => new Response(new URL(request.url).pathname));
  await listener.start();
  try {
    const get = async (path: string, method = "GET") => {
      const response = await fetch(`${listener.address}${path}`, { method });
      return [response.status, await response.text()];
    };
    expect(await get("/x?y")).toEqual([200, "GET"]);
    expect(await get("/x", "DELETE")).toEqual([200, "DELETE"]);
    expect(await get("/below/a/b")).toEqual([200, "/below/a/b"]);
    expect(await get("/x/")).toEqual([404, "404 page not found\n"]);
    expect(await get("/X")).toEqual([404, "404 page not found\n"]);
  } finally {
    await stopped(listener);
  }
});

test("Listener refuses two components that want the same path", async () => {
  const { listener } = await createListener();
  listener.route("/x", () => new Response());
  listener.upgrade(endpointOf({}));

  expect(() => listener.route("/x", () => new Response())).toThrow(ServerError);
  expect(() => listener.route("/ws", () => new Response())).toThrow(ServerError);
});

test("Listener refuses a path that Hono would read as a pattern", async () => {
  const { listener } = await createListener();

  for (const path of ["/:id", "/*", "x", "/{a}"]) {
    expect(() => listener.route(path, () => new Response())).toThrow(`"${path}"`);
  }
});

test("Listener answers 500 without a body when a handler throws or rejects, and goes on", async () => {
  const { listener, log } = await createListener();
  listener.route("/throws", () => {
    throw new TypeError("a bug");
  });
  listener.route("/rejects", () => Promise.reject(new TypeError("a bug")));
  listener.route("/works", () => new Response("ok"));
  await listener.start();
  try {
    for (const path of ["/throws", "/rejects"]) {
      const response = await fetch(`${listener.address}${path}`);
      expect([response.status, await response.text()]).toEqual([500, ""]);
    }
    expect(await (await fetch(`${listener.address}/works`)).text()).toBe("ok");
    expect(log.messages("error")).toEqual(["request failed", "request failed"]);
  } finally {
    await stopped(listener);
  }
});

test("Listener survives a throw in every handler of a socket", async () => {
  const { listener, log } = await createListener();
  const bug = (): void => {
    throw new TypeError("a bug");
  };
  listener.upgrade(endpointOf({ received: bug, ended: bug, ponged: bug }));
  await listener.start();
  try {
    const client = new WebSocket(`ws${listener.address.slice(4)}/ws`);
    await event(client, "open");
    client.send("x");
    client.close();
    await event(client, "close");

    expect(new Set(log.messages("error"))).toEqual(new Set(["WebSocket handler failed"]));
  } finally {
    await stopped(listener);
  }
});

test("Listener closes a socket whose opening throws: nobody would ever serve it", async () => {
  const { listener, log } = await createListener();
  listener.upgrade(
    endpointOf({
      opened: () => {
        throw new TypeError("a bug");
      },
    }),
  );
  await listener.start();
  try {
    const client = new WebSocket(`ws${listener.address.slice(4)}/ws`);
    await event(client, "close");

    expect(log.messages("error")).toEqual(["WebSocket handler failed"]);
  } finally {
    await stopped(listener);
  }
});

test("Listener says in the reference's words why it cannot listen", async () => {
  const { listener: first } = await createListener();
  await first.start();
  try {
    const port = Number(first.address.split(":").at(-1));
    const { listener: second } = await createListener(port);
    await expect(second.start()).rejects.toThrow(
      `WebSocket server at http://${HOST}:${port} stopped: listen tcp ${HOST}:${port}: bind: address already in use`,
    );
    const { listener: bad } = await createListener(70_000);
    await expect(bad.start()).rejects.toThrow("listen tcp: address 70000: invalid port");
  } finally {
    await stopped(first);
  }
});

test("Listener that stops waits for requests that run, tells endpoints, and takes no new ones", async () => {
  const { listener } = await createListener();
  const answer = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let isEndpointStopped = false;
  listener.route("/slow", async () => {
    asked.resolve();
    await answer.promise;
    return new Response("done");
  });
  listener.upgrade({
    ...endpointOf({}),
    stop: () => {
      isEndpointStopped = true;
    },
  });
  await listener.start();
  const running = fetch(`${listener.address}/slow`);
  await asked.promise;

  const stopping = listener.stop(new AbortController().signal);
  expect(isEndpointStopped).toBe(true);
  answer.resolve();
  expect(await (await running).text()).toBe("done");
  await stopping;

  await expect(fetch(`${listener.address}/slow`)).rejects.toThrow();
});

test("Listener that stops gives up waiting at the signal", async () => {
  const { listener } = await createListener();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  listener.route("/hangs", () => {
    asked.resolve();
    return answer.promise;
  });
  await listener.start();
  const running = fetch(`${listener.address}/hangs`);
  await asked.promise;

  const patience = new AbortController();
  const stopping = listener.stop(patience.signal);
  patience.abort();
  await stopping;

  answer.resolve(new Response("late"));
  expect(await (await running).text()).toBe("late");
});

function event(client: WebSocket, name: "open" | "close"): Promise<void> {
  return new Promise((resolve) => client.addEventListener(name, () => resolve(), { once: true }));
}

test("Listener refuses a path below the prefix of another component, whoever comes first", async () => {
  const { listener } = await createListener();
  const handler = () => new Response();
  listener.routeBelow("/api/presence/", handler);
  listener.route("/api/presence", handler);
  listener.route("/first/x", handler);

  expect(() => listener.route("/api/presence/x", handler)).toThrow("the path /api/presence/x");
  expect(() => listener.routeBelow("/first/", handler)).toThrow("the path /first/x");
});
