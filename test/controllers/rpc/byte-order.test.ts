import { expect, test } from "bun:test";
import { byBytes } from "../../../src/controllers/rpc/byte-order.ts";

test("Texts are in the order of their UTF-8 bytes", () => {
  const texts = ["", "REMOTE_ADDR", "a", "aa", "b", "é", "\ue000", "\uffee", "😀"];

  // the language would have the emoji, a pair of surrogates, before U+E000
  expect(texts.toReversed().sort(byBytes)).toEqual(texts);
  expect(byBytes("a", "a")).toBe(0);
});
