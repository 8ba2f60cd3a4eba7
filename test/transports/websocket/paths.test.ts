import { expect, test } from "bun:test";
import { compilePaths } from "../../../src/transports/websocket/paths.ts";

/** The paths, of those offered, that the patterns match. */
function matched(patterns: readonly string[], ...paths: readonly string[]): readonly string[] {
  const matcher = compilePaths(patterns);
  return paths.filter((path) => matcher.matches(path));
}

test("compilePaths matches literal paths to the letter", () => {
  expect(matched(["/cable"], "/cable", "/cable/", "/Cable", "/c%61ble", "/cable/x", "/")).toEqual([
    "/cable",
  ]);
  expect(matched(["/a.b+c"], "/a.b+c", "/aXb+c", "/a.bb")).toEqual(["/a.b+c"]);
});

test("compilePaths lets a last star stand for everything deeper", () => {
  const paths = ["/admin/cable/", "/admin/cable/x/y", "/admin/cable", "/admin/cablex"];

  expect(matched(["/admin/cable/*"], ...paths)).toEqual(["/admin/cable/", "/admin/cable/x/y"]);
});

test("compilePaths lets a placeholder stand for one segment, a last one not for nothing", () => {
  expect(
    matched(
      ["/accounts/{tenant}/cable"],
      "/accounts/7/cable",
      "/accounts//cable",
      "/accounts/7/8/cable",
    ),
  ).toEqual(["/accounts/7/cable", "/accounts//cable"]);
  expect(matched(["/accounts/{tenant}"], "/accounts/7", "/accounts/", "/accounts/7/")).toEqual([
    "/accounts/7",
  ]);
});

test("compilePaths holds a placeholder to its expression, braces included", () => {
  expect(
    matched(["/{id:[0-9]{2,3}}/cable"], "/12/cable", "/1/cable", "/1234/cable", "/ab/cable"),
  ).toEqual(["/12/cable"]);
});

test("compilePaths owns literal paths only", () => {
  const matcher = compilePaths(["/cable", "/x/*"]);

  expect([matcher.owns("/cable"), matcher.owns("/x/y"), matcher.owns("/other")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("compilePaths refuses patterns that no path can be meant by, naming them", () => {
  for (const pattern of [
    "cable",
    " /cable",
    "",
    "/a*b",
    "/{id:[}/x",
    "/{x",
    "/{}",
    "/x}",
    "/{:a}",
  ]) {
    expect(() => compilePaths(["/cable", pattern])).toThrow(`"${pattern}"`);
  }
});
