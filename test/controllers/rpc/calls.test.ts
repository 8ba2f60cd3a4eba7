import { expect, test } from "bun:test";
import type { Attempt } from "../../../src/controllers/rpc/backend.ts";
import { Calls } from "../../../src/controllers/rpc/calls.ts";
import { sizeFailure, statusFailure } from "../../../src/controllers/rpc/failure.ts";
import { Permits } from "../../../src/controllers/rpc/permits.ts";
import { createRpcMetrics } from "../../../src/controllers/rpc/rpc-metrics.ts";
import { ServerError } from "../../../src/messages/server-error.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";

const BUSY = () => Promise.reject(statusFailure("ResourceExhausted", "busy!"));
const AWAY = () => Promise.reject(statusFailure("Unavailable", "away"));
const LATE = () => Promise.reject(statusFailure("DeadlineExceeded", "late"));
const NEVER = null;

function setup(options: Partial<{ requestTimeoutMs: number; permits: number }> = {}) {
  const clock = new FakeClock(0);
  const registry = new FakeMetrics();
  const log = new FakeLog();
  const metrics = createRpcMetrics(registry);
  const permits = new Permits(options.permits ?? 28, { pending: metrics.pending });
  const state = { refusal: null as ServerError | null, exhaustions: 0 };
  const calls = new Calls(
    { requestTimeoutMs: options.requestTimeoutMs ?? 0, commandTimeoutMs: 3000 },
    {
      clock,
      log,
      metrics,
      permits,
      refusal: () => state.refusal,
      failureOf: (error) => error as ServerError, // attempts here reject with nothing else
      exhausted: () => {
        state.exhaustions += 1;
      },
    },
  );
  const counts = () =>
    ["call", "retries", "error", "timeout", "canceled"].map((name) =>
      registry.value(`rpc_${name}_total`),
    );
  return { clock, log, calls, state, registry, counts };
}

/** Runs a call to its end on the fake clock. */
async function outcome(
  { calls, clock }: ReturnType<typeof setup>,
  attempt: (circumstances: Attempt) => Promise<string>,
): Promise<{ readonly times: readonly number[]; readonly result: unknown; readonly atMs: number }> {
  const times: number[] = [];
  let atMs = -1;
  const running = calls
    .run({ sid: "s1", signal: NEVER }, false, (circumstances) => {
      times.push(clock.now());
      return attempt(circumstances);
    })
    .catch((error: unknown) => error)
    .then((result) => {
      atMs = clock.now();
      return result;
    });
  await clock.advanceAsync(4000);
  return { times, result: await running, atMs };
}

test("A call that succeeds at once is counted as a call and nothing else", async () => {
  const room = setup();

  const { result } = await outcome(room, async () => "yes");

  expect(result).toBe("yes");
  expect(room.counts()).toEqual([1, 0, 0, 0, 0]);
});

test("An exhausted application is asked again after 10 ms, 20, 40 … until the call's time is over (rpc#18)", async () => {
  const room = setup();

  const { times, result, atMs } = await outcome(room, BUSY);

  expect(times).toEqual([0, 10, 30, 70, 150, 310, 630, 1270, 2550]);
  expect(atMs).toBe(3000);
  expect(result).toMatchObject({
    code: "rpc_retry_interrupted",
    message: "retry interrupted: rpc error: code = ResourceExhausted desc = busy!",
  });
  expect(room.counts()).toEqual([1, 9, 1, 0, 0]);
  expect(room.state.exhaustions).toBe(9);
});

test("An application that is away is asked again after 100 ms, 200, 400 …", async () => {
  const room = setup();

  const { times, atMs } = await outcome(room, AWAY);

  expect(times).toEqual([0, 100, 300, 700, 1500]);
  expect(atMs).toBe(3000);
  expect(room.counts()).toEqual([1, 5, 1, 0, 0]);
});

test("Delays start anew when the kind of failure changes", async () => {
  const failures = [AWAY, AWAY, BUSY, BUSY, BUSY, AWAY, BUSY];

  const { times } = await outcome(setup(), () => failures.shift()?.() ?? Promise.resolve("yes"));

  expect(times).toEqual([0, 100, 300, 310, 330, 370, 470, 480]);
});

test("An application that is exhausted once costs one retry and no error (rpc#17)", async () => {
  const room = setup();
  const failures = [BUSY];

  const { result } = await outcome(room, () => failures.shift()?.() ?? Promise.resolve("yes"));

  expect(result).toBe("yes");
  expect(room.counts()).toEqual([1, 1, 0, 0, 0]);
});

test.each([
  ["an internal error", statusFailure("Internal", "no")],
  ["a cancellation by the peer", statusFailure("Canceled", "no")],
  ["a message that is too large", sizeFailure("too large")],
  ["an answer that cannot be read", new ServerError("rpc_bad_response", "no")],
])("No second attempt follows %s", async (_, failure) => {
  const room = setup();

  const { times, result } = await outcome(room, () => Promise.reject(failure));

  expect(times).toEqual([0]);
  expect(result).toBe(failure);
  expect(room.counts()).toEqual([1, 0, 1, 0, 0]);
  expect(room.state.exhaustions).toBe(0);
});

test("An attempt that took too long counts as timeout and as error", async () => {
  const room = setup();

  await outcome(room, LATE);

  expect(room.counts()).toEqual([1, 0, 1, 1, 0]);
});

test("An attempt gets the shorter of its own time and what is left for the call", async () => {
  const timeouts: number[] = [];
  const failures = [AWAY, AWAY, AWAY, AWAY];

  await outcome(setup({ requestTimeoutMs: 2000 }), ({ timeoutMs }) => {
    timeouts.push(timeoutMs);
    return failures.shift()?.() ?? Promise.resolve("yes");
  });

  expect(timeouts).toEqual([2000, 2000, 2000, 2000, 1500]);
});

test("A backend that is known to be down is not asked", async () => {
  const room = setup();
  room.state.refusal = new ServerError("rpc_not_ready", "grpc connection is not ready");

  const { times, result } = await outcome(room, AWAY);

  expect(times).toEqual([]);
  expect(result).toBe(room.state.refusal);
  expect(room.counts()).toEqual([1, 0, 1, 0, 0]);
});

test("A retryable failure is logged with session, code and error", async () => {
  const room = setup();
  const failures = [BUSY];

  await outcome(room, () => failures.shift()?.() ?? Promise.resolve("yes"));

  expect(room.log.records).toEqual([
    {
      level: "debug",
      message: "RPC failed",
      attributes: { sid: "s1", code: "ResourceExhausted", error: expect.any(ServerError) },
    },
  ]);
});

test("A permit is kept during the sleeps between attempts; who waits for it shows as pending (rpc#26)", async () => {
  const room = setup({ permits: 1 });
  const failures = [AWAY, AWAY];
  const order: string[] = [];
  const slow = room.calls.run({ sid: "s1", signal: NEVER }, false, async () => {
    order.push("slow");
    await failures.shift()?.();
  });
  const fast = room.calls.run({ sid: "s2", signal: NEVER }, false, async () => {
    order.push("fast");
  });

  await room.clock.advanceAsync(200);
  expect(room.registry.value("rpc_pending_num")).toBe(1);
  await room.clock.advanceAsync(200);
  await Promise.all([slow, fast]);

  expect(order).toEqual(["slow", "slow", "slow", "fast"]);
  expect(room.registry.value("rpc_pending_num")).toBe(0);
});

test("A session that ends while it waits for a permit makes no call (rpc#27)", async () => {
  const room = setup({ permits: 1 });
  const gate = Promise.withResolvers<string>();
  const ending = new AbortController();
  const holder = room.calls.run({ sid: "s1", signal: NEVER }, true, () => gate.promise);
  let wasCalled = false;
  const waiter = room.calls.run({ sid: "s2", signal: ending.signal }, true, async () => {
    wasCalled = true;
    return "yes";
  });

  ending.abort();
  gate.resolve("done");

  expect(await waiter).toBeNull();
  await holder;
  expect(wasCalled).toBe(false);
  expect(room.counts()).toEqual([1, 0, 0, 0, 1]);
});

test("A session that ends while its call runs cancels it: no error, no call counted for a command", async () => {
  const room = setup();
  const ending = new AbortController();
  const running = room.calls.run(
    { sid: "s1", signal: ending.signal },
    false,
    ({ signal }) =>
      new Promise<string>((_, reject) => {
        signal?.addEventListener("abort", () => reject(statusFailure("Canceled", "gone")));
      }),
  );

  ending.abort();

  expect(await running).toBeNull();
  expect(room.counts()).toEqual([0, 0, 0, 0, 1]);
});

test("A session that ends between two attempts ends the call at once", async () => {
  const room = setup();
  const ending = new AbortController();
  const running = room.calls.run({ sid: "s1", signal: ending.signal }, false, AWAY);
  await room.clock.advanceAsync(50);

  ending.abort();

  expect(await running).toBeNull();
  expect(room.counts()).toEqual([0, 1, 0, 0, 1]);
  expect(room.clock.pending).toBe(0);
});

test("The end waits for calls that run, those that wait for a permit included", async () => {
  const room = setup({ permits: 1 });
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  void room.calls.run({ sid: "s1", signal: NEVER }, true, () => first.promise);
  void room.calls.run({ sid: "s2", signal: NEVER }, true, () => second.promise);
  let isIdle = false;
  const idle = room.calls.whenIdle(new AbortController().signal).then(() => {
    isIdle = true;
  });

  first.resolve("done");
  await room.clock.advanceAsync(0);
  expect(isIdle).toBe(false);
  second.resolve("done");
  await idle;

  expect(room.calls.active).toBe(0);
});
