import { MemoryPresenceStore } from "../../src/presence/memory.ts";
import { presenceStoreContract } from "../contracts/presence-store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";
import { RecordingPubSub } from "../support/recording-pubsub.ts";

presenceStoreContract("memory", async (settings) => {
  const clock = new FakeClock();
  const pubsub = new RecordingPubSub();
  const store = new MemoryPresenceStore(settings, { clock, pubsub, log: new FakeLog() });
  await store.start();
  return {
    store,
    delivery: pubsub.delivery,
    listen: (stream) => pubsub.subscribe(stream),
    elapse: (ms) => clock.advanceAsync(ms),
    stop: () => store.stop(AbortSignal.abort()),
  };
});
