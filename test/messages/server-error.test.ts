import { expect, test } from "bun:test";
import { errorText, ServerError } from "../../src/messages/server-error.ts";

test("ServerError carries a code to match on, details and its cause", () => {
  const cause = new Error("refused");
  const error = new ServerError("publish_failed", "cannot publish", {
    cause,
    details: { stream: "s" },
  });

  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message, error.details, error.cause]).toEqual([
    "ServerError",
    "publish_failed",
    "cannot publish",
    { stream: "s" },
    cause,
  ]);
  expect("cause" in new ServerError("x", "y")).toBe(false);
});

test("errorText gives the message of anything thrown", () => {
  expect([
    errorText(new TypeError("a bug")),
    errorText("text"),
    errorText(null),
    errorText(7),
  ]).toEqual(["a bug", "text", "null", "7"]);
});
