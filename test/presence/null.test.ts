import { expect, test } from "bun:test";
import { NullPresenceStore } from "../../src/presence/null.ts";

test("NullPresenceStore says that presence is not supported", async () => {
  const store = new NullPresenceStore();
  const refusal = { ok: false, reason: "unsupported" } as const;

  expect(await store.join("room", "s1", "42", "")).toEqual(refusal);
  expect(await store.leave("room", "s1")).toEqual(refusal);
  expect(await store.info("room", true)).toBeNull();
});
