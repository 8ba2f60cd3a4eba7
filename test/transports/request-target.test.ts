import { expect, test } from "bun:test";
import { pathOf, targetOf } from "../../src/transports/request-target.ts";

test("targetOf cuts scheme and host off and keeps the rest as it is", () => {
  expect(targetOf("http://h:8080/cable?x=1&y=a%20b")).toBe("/cable?x=1&y=a%20b");
  expect(targetOf("http://h/")).toBe("/");
  expect(targetOf("http://h")).toBe("/");
  expect(targetOf("/cable?next=http://x/y")).toBe("/cable?next=http://x/y");
});

test("pathOf ends before the query or the fragment, and decodes nothing", () => {
  expect(pathOf("/cable?x=/y")).toBe("/cable");
  expect(pathOf("/c%61ble#x")).toBe("/c%61ble");
  expect(pathOf("/cable")).toBe("/cable");
});
