import { MemoryBroker } from "../../src/broker/memory.ts";
import { MemorySessionStore } from "../../src/broker/memory-sessions.ts";
import { brokerContract } from "../contracts/broker.ts";
import { sessionStoreContract } from "../contracts/session-store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";
import { RecordingPubSub } from "../support/recording-pubsub.ts";

const NOW = AbortSignal.abort();

brokerContract("memory", async (settings) => {
  const clock = new FakeClock();
  const pubsub = new RecordingPubSub();
  const broker = new MemoryBroker(
    { ...settings, sessionsTtlS: 300, presenceTtlS: 15 },
    { clock, pubsub, log: new FakeLog(), randomId: () => "vRXl" },
  );
  await broker.start();
  return {
    broker,
    delivery: pubsub.delivery,
    nowS: () => clock.now() / 1000,
    elapse: (ms) => clock.advanceAsync(ms),
    stop: () => broker.stop(NOW),
  };
});

sessionStoreContract("memory", async ({ ttlMs }) => {
  const clock = new FakeClock();
  const store = new MemorySessionStore({ ttlMs, maxSessions: 1000, maxBytes: 1e9 }, { clock });
  await store.start();
  return { store, elapse: (ms) => clock.advanceAsync(ms), stop: () => store.stop(NOW) };
});
