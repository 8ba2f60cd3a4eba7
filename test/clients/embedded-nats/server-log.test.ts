import { expect, test } from "bun:test";
import {
  forward,
  LineSplitter,
  parseServerLine,
} from "../../../src/clients/embedded-nats/server-log.ts";
import { FakeLog } from "../../support/fake-log.ts";

test("parseServerLine reads level and text, with and without the time", () => {
  expect(parseServerLine("[24694] [INF] Server is ready")).toEqual({
    level: "INF",
    text: "Server is ready",
  });
  expect(parseServerLine("[1] 2026/11/21 05:31:31.123456 [FTL] no [x] port")).toEqual({
    level: "FTL",
    text: "no [x] port",
  });
  expect(parseServerLine("panic: oops")).toEqual({ level: "", text: "panic: oops" });
});

test("forward passes notices on as info, traces as debug, warnings and errors as such", () => {
  const log = new FakeLog();

  for (const level of ["INF", "DBG", "TRC", "WRN", "ERR", "FTL", ""]) {
    forward({ level, text: level || "plain" }, log);
  }
  forward({ level: "INF", text: " " }, log);

  expect(log.records.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "info INF",
    "debug DBG",
    "debug TRC",
    "warn WRN",
    "error ERR",
    "error FTL",
    "info plain",
  ]);
});

test("LineSplitter puts lines together from pieces, characters of several bytes included", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => void lines.push(line));
  const bytes = Buffer.from("one\ntwo ✓\nthree");

  for (const byte of bytes) splitter.push(Uint8Array.of(byte));
  splitter.end();

  expect(lines).toEqual(["one", "two ✓", "three"]);
});
