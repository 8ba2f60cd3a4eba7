import { expect, test } from "bun:test";
import { JsonFormat } from "../../src/log/json-format.ts";
import { Duration } from "../../src/messages/duration.ts";

const format = new JsonFormat();

function line(attributes: Record<string, unknown>): string {
  return format.line(0, "debug", "m", "", attributes);
}

const START = '{"time":"1970-01-01T00:00:00Z","level":"DEBUG","msg":"m"';

test("JsonFormat prints numbers, booleans, null and lists in their own type", () => {
  expect(line({ num: 2, big: 12345678901234567890n, ok: true, none: null, list: ["a", 1] })).toBe(
    `${START},"num":2,"big":12345678901234567890,"ok":true,"none":null,"list":["a",1]}\n`,
  );
});

test("JsonFormat prints durations as nanoseconds and errors as text", () => {
  expect(line({ delay: new Duration(250), error: new Error("boom") })).toBe(
    `${START},"delay":250000000,"error":"boom"}\n`,
  );
});

test("JsonFormat nests groups and maps", () => {
  expect(line({ data: { command: "x", empty: {} }, state: new Map([["k", "v"]]) })).toBe(
    `${START},"data":{"command":"x","empty":{}},"state":{"k":"v"}}\n`,
  );
});

test("JsonFormat keeps members with equal names", () => {
  const prefix = format.attributes({ sid: "a" });

  expect(format.line(0, "debug", "m", prefix, { sid: "b" })).toBe(
    `${START},"sid":"a","sid":"b"}\n`,
  );
});

test("JsonFormat escapes quotes and ends of lines, not <, > and &", () => {
  const text = '<a&b> "q"\n\u2028\u2029\x00';

  expect(line({ text })).toBe(`${START},"text":"<a&b> \\"q\\"\\n\\u2028\\u2029\\u0000"}\n`);
  expect(JSON.parse(line({ text })).text).toBe(text);
});

test("JsonFormat prints what JSON has no number for as text", () => {
  expect(line({ a: Number.NaN, b: Number.POSITIVE_INFINITY })).toBe(
    `${START},"a":"NaN","b":"Infinity"}\n`,
  );
});

test("JsonFormat stops at values that contain themselves", () => {
  const loop: unknown[] = [];
  loop.push({ loop });

  expect(() => JSON.parse(line({ loop }))).not.toThrow();
});

test("JsonFormat prints fractions of a second to the microsecond, without zeros at the end", () => {
  const time = (ms: number) => JSON.parse(format.line(ms, "info", "", "", undefined)).time;

  expect(time(1000)).toBe("1970-01-01T00:00:01Z");
  expect(time(1120)).toBe("1970-01-01T00:00:01.12Z");
  expect(time(1000.5)).toBe("1970-01-01T00:00:01.0005Z");
});
