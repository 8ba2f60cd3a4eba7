import { expect, test } from "bun:test";
import { Breaker, type BreakerOutcome } from "../../../../src/controllers/rpc/http/breaker.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { FakeLog } from "../../../support/fake-log.ts";

function setup() {
  const clock = new FakeClock();
  const log = new FakeLog();
  const breaker = new Breaker({ clock, log });
  const requests = (count: number, outcome: BreakerOutcome) => {
    for (let made = 0; made < count; made++) breaker.admit()(outcome);
  };
  const lines = () => log.records.map(({ level, message }) => `${level} ${message}`);
  return { clock, breaker, requests, lines };
}

const OPEN = "http rpc is temporarily unavailable";

test("Ten failures within ten seconds open it, five seconds later it lets requests through, five successes close it (rpc#24)", () => {
  const { clock, breaker, requests, lines } = setup();

  requests(10, "failure");
  expect(() => breaker.admit()).toThrow(OPEN);
  clock.advance(4_999);
  expect(() => breaker.admit()).toThrow(OPEN);
  clock.advance(1);
  requests(5, "success");
  requests(20, "success");

  expect(lines()).toEqual(["warn circuit breaker is open", "info circuit breaker is closed"]);
});

test("Nine failures do not open it", () => {
  const { breaker, requests } = setup();

  requests(9, "failure");

  expect(() => breaker.admit()).not.toThrow();
});

test("Fewer than eight failures in ten requests do not open it", () => {
  const { requests, lines } = setup();

  requests(6, "success");
  requests(20, "failure");
  expect(lines()).toEqual([]);
  requests(4, "failure");

  expect(lines()).toEqual(["warn circuit breaker is open"]);
});

test("Counts start anew every ten seconds", () => {
  const { clock, requests, lines } = setup();

  requests(9, "failure");
  clock.advance(10_000);
  requests(9, "failure");

  expect(lines()).toEqual([]);
});

test("Requests that are still under way count as requests", () => {
  const { breaker, requests, lines } = setup();
  for (let running = 0; running < 3; running++) breaker.admit();

  requests(11, "failure");
  expect(lines()).toEqual([]);
  requests(1, "failure");

  expect(lines()).toEqual(["warn circuit breaker is open"]);
});

test("Half-open it lets five requests through, others fail", () => {
  const { clock, breaker, requests } = setup();
  requests(10, "failure");
  clock.advance(5_000);
  const reports = Array.from({ length: 5 }, () => breaker.admit());

  expect(() => breaker.admit()).toThrow("too many requests");
  for (const report of reports) report("success");

  expect(() => breaker.admit()).not.toThrow();
});

test("A failure while half-open opens it again for five seconds", () => {
  const { clock, breaker, requests, lines } = setup();
  requests(10, "failure");
  clock.advance(5_000);

  requests(1, "failure");

  clock.advance(4_999);
  expect(() => breaker.admit()).toThrow(OPEN);
  clock.advance(1);
  expect(() => breaker.admit()).not.toThrow();
  expect(lines()).toEqual(["warn circuit breaker is open", "warn circuit breaker is open"]);
});

test("A cancelled request counts nothing and gives its place back", () => {
  const { clock, breaker, requests } = setup();
  requests(20, "void");
  requests(10, "failure");
  expect(() => breaker.admit()).toThrow(OPEN);
  clock.advance(5_000);

  requests(8, "void");

  expect(() => breaker.admit()).not.toThrow();
});

test("What was admitted before the breaker opened has no say afterwards", () => {
  const { clock, breaker, requests, lines } = setup();
  const late = breaker.admit();
  requests(9, "failure");
  clock.advance(5_000);
  breaker.admit();

  late("failure");

  expect(lines()).toEqual(["warn circuit breaker is open"]);
});
