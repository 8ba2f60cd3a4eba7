import { expect, test } from "bun:test";
import { ChannelStates } from "../../../src/core/session/channel-states.ts";

test("ChannelStates merges: an empty value deletes its key, absent keys stay", () => {
  const states = new ChannelStates();
  states.mergeConnection(
    new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
  );

  states.mergeConnection(
    new Map([
      ["a", ""],
      ["c", "3"],
    ]),
  );

  expect([...states.connection]).toEqual([
    ["b", "2"],
    ["c", "3"],
  ]);
});

test("ChannelStates changes nothing for an answer without state", () => {
  const states = new ChannelStates();
  states.mergeConnection(new Map([["a", "1"]]));
  states.mergeChannel("x", new Map([["k", "v"]]));

  states.mergeConnection(null);
  states.mergeChannel("x", null);

  expect([...states.connection]).toEqual([["a", "1"]]);
  expect(states.channelValue("x", "k")).toBe("v");
});

test("ChannelStates keeps channels apart and drops one alone", () => {
  const states = new ChannelStates();
  states.mergeChannel("x", new Map([["k", "1"]]));
  states.mergeChannel("y", new Map([["k", "2"]]));

  states.dropChannel("x");

  expect(states.channelValue("x", "k")).toBeUndefined();
  expect([...states.channels.keys()]).toEqual(["y"]);
});

test("ChannelStates takes names of object members for names like any other", () => {
  const states = new ChannelStates();

  states.mergeChannel("__proto__", new Map([["constructor", "1"]]));

  expect(states.channelValue("__proto__", "constructor")).toBe("1");
  expect(states.channelValue("toString", "length")).toBeUndefined();
});
