import { expect, test } from "bun:test";
import { createRpcController } from "../../../src/controllers/rpc/create.ts";
import type { RpcOptions } from "../../../src/controllers/rpc/options.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";
import { type RawHandler, RawPeer } from "../../support/grpc-backend-raw.ts";
import { DEFAULTS, NEVER, openRoom, someClient } from "./room.ts";

function create(options: Partial<RpcOptions>) {
  const log = new FakeLog();
  const metrics = new FakeMetrics();
  const deps = { clock: new FakeClock(), log, metrics, random: Math.random };
  return { service: createRpcController({ ...DEFAULTS, ...options }, deps), log, metrics };
}

test.each([
  [{ implementation: "trpc" }, "unknown RPC implementation: trpc"],
  [{ implementation: "Grpc" }, "unknown RPC implementation: Grpc"],
  [{ host: "://x" }, "unknown RPC implementation: <invalid RPC host: ://x>"],
  [{ host: "http://[::1" }, "invalid HTTP RPC base URL: http://[::1"],
  [{ implementation: "http", host: "localhost:3000" }, "invalid HTTP RPC base URL: localhost:3000"],
  [{ tls: { ...DEFAULTS.tls, rootCa: "garbage" } }, "failed to parse RPC root CA certificate"],
])("The start is refused with %j", (options, text) => {
  expect(() => create(options)).toThrow(`failed to initialize RPC controller, cause: ${text}`);
});

test("A host that no call can reach is no reason not to start: calls are unavailable", async () => {
  await using room = await openRoom({ host: "redis://127.0.0.1:1", commandTimeoutMs: 20 });

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result.status === "error" && result.error).toContain("no usable RPC address");
});

test("A list whose entries are not all addresses is warned of", () => {
  expect(create({ host: "grpc-list://a:1,b" }).log.records).toEqual([
    {
      level: "warn",
      message: "no usable RPC address, skipped",
      attributes: { context: "rpc", impl: "grpc", addr: "b" },
    },
  ]);
});

test("gRPC counts connections, HTTP does not; neither has a capacity (rpc#28)", () => {
  const common = ["call", "canceled", "error"].map((name) => `rpc_${name}_total`);
  const others = ["rpc_pending_num", "rpc_retries_total", "rpc_timeout_total"];

  expect(create({ host: "http://h" }).metrics.names).toEqual([...common, ...others]);
  const grpc = create({ host: "localhost:1" });
  expect(grpc.metrics.names).toEqual(["grpc_active_conn_num", ...common, ...others]);
});

test("Concurrency 0 shows its capacity from the start on (rpc#28)", async () => {
  const { service, metrics } = create({ concurrency: 0 });

  await service.start();

  expect(metrics.value("rpc_capacity_num")).toBe(25);
  await service.stop(NEVER);
});

test("A negative concurrency and bounds out of order are warned of", () => {
  expect(create({ concurrency: -1 }).log.messages("warn")).toEqual([
    "RPC concurrency must be positive, reverted to the default value",
  ]);
  const bounds = { concurrency: 0, concurrencyMin: 30, concurrencyMax: 20 };
  expect(create(bounds).log.messages("warn")).toEqual([
    "max RPC concurrency is below min, using min for both",
  ]);
});

test("Exhausted answers of the application lower the capacity", async () => {
  const busy: RawHandler = (connection, id) => {
    const head = { ":status": "200", "content-type": "application/grpc", "grpc-status": "8" };
    connection.headers(id, head, true);
  };
  const peer = await new RawPeer(busy).start();
  const clock = new FakeClock();
  await using room = await openRoom({ host: `127.0.0.1:${peer.port}`, concurrency: 0 }, clock);
  const running = room.controller.authenticate(someClient(), NEVER);
  while (peer.requests === 0 || clock.pending < 3) await Bun.sleep(1);

  await clock.advanceAsync(10_000);

  expect((await running).status).toBe("error");
  expect(room.metrics.value("rpc_capacity_num")).toBeLessThan(25);
  peer.stop();
});
