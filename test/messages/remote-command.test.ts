import { expect, test } from "bun:test";
import { parseRemoteDisconnect } from "../../src/messages/remote-command.ts";

test("parseRemoteDisconnect reads whom to disconnect, without a way back unless told", () => {
  expect(parseRemoteDisconnect({ identifier: "me", reconnect: true })).toEqual({
    identifier: "me",
    reconnect: true,
  });
  for (const reconnect of [undefined, null, false]) {
    expect(parseRemoteDisconnect({ identifier: "", reconnect })).toEqual({
      identifier: "",
      reconnect: false,
    });
  }
});

test("parseRemoteDisconnect refuses what has another shape", () => {
  const wrong = [
    null,
    undefined,
    "me",
    [],
    {},
    { identifier: 1 },
    { identifier: "me", reconnect: "yes" },
  ];

  expect(wrong.map(parseRemoteDisconnect)).toEqual(wrong.map(() => null));
});
