import { expect, test } from "bun:test";
import { joinEvent, leaveEvent } from "../../src/messages/presence-event.ts";

const META = { excludeSocket: "", broadcastType: "presence", transient: true };

test("joinEvent writes its keys, those of info included, in the order clients have always seen", () => {
  expect(joinEvent("room", "42", '{"z": 1, "a": [2]}')).toEqual({
    stream: "room",
    data: '{"id":"42","info":{"a":[2],"z":1},"type":"join"}',
    meta: META,
    offset: 0,
    epoch: "",
  });
});

test("joinEvent leaves info out when there is none", () => {
  expect(joinEvent("room", '4"2', "").data).toBe('{"id":"4\\"2","type":"join"}');
});

test("leaveEvent names the id only", () => {
  expect(leaveEvent("room", "42")).toEqual({
    stream: "room",
    data: '{"id":"42","type":"leave"}',
    meta: META,
    offset: 0,
    epoch: "",
  });
});
