import { expect, test } from "bun:test";
import { verifyStreamName } from "../../../src/controllers/streams/verifier.ts";
import { signBase64, signStream, signText } from "./sign.ts";

const CHAT_2021 =
  "ImNoYXQ6MjAyMSI=--f9ee45dbccb1da04d8ceb99cc820207804370ba0d06b46fc3b8b373af1315628";

test.each([
  ["s3Krit", "chat:2021", CHAT_2021],
  [
    "s3Krit",
    "chat/2023",
    "ImNoYXQvMjAyMyI=--2b2e054b6413bf3bc7e8bbad2f68962aa2ba19821800ccbd8de6fd7314e8320c",
  ],
  [
    "qwerty",
    "chat/2023",
    "ImNoYXQvMjAyMyI=--d62670fccb54ef166ae2d10fd1bc3d65705c7e04ac699c52899e969b26c07994",
  ],
  [
    "s3Krit",
    "notifications/17",
    "Im5vdGlmaWNhdGlvbnMvMTci--c62400386f163b04d299833afb1dc07263d6c8c534fd223de19177e92de231ed",
  ],
  [
    "s3Krit",
    "комната/1",
    "ItC60L7QvNC90LDRgtCwLzEi--fc62932983b41edf9da3822663cec7c044bdbd31bbe2176764c55b8c05e0ce51",
  ],
])(
  "auth-streams#13 verifyStreamName with %s finds %s, and it is how names are signed",
  (secret, name, signed) => {
    expect(verifyStreamName(signed, secret)).toBe(name);
    expect(signStream(secret, name)).toBe(signed);
  },
);

test.each([
  ["one part", "fake_id"],
  ["nothing", ""],
  ["only a separator", "--"],
  ["three parts", "a--b--c"],
  ["no digest", "ImNoYXQ6MjAyMSI="],
  ["an empty digest", "ImNoYXQ6MjAyMSI=--"],
  ["no name", `--${CHAT_2021.slice(-64)}`],
  [
    "the digest of another key",
    "ImNoYXQ6MjAyMSI=--f0c3fa6d70dba582c6eed4b72a02d040773547e03cd5a675d3defa511343bb7f",
  ],
  ["an upper-case digest", `ImNoYXQ6MjAyMSI=--${CHAT_2021.slice(-64).toUpperCase()}`],
  ["a digest cut short", CHAT_2021.slice(0, -1)],
  ["something behind the digest", `${CHAT_2021}0`],
  ["a blank in front", ` ${CHAT_2021}`],
  ["64 characters that are more bytes", `ImNoYXQ6MjAyMSI=--${"é".repeat(64)}`],
  ["64 bytes that are fewer characters", `ImNoYXQ6MjAyMSI=--${"é".repeat(32)}`],
])("auth-streams#13 verifyStreamName refuses %s", (_what, signed) => {
  expect(verifyStreamName(signed, "s3Krit")).toBeNull();
});

test.each(['["chat/2023",1685024017]', "42", '{"a":1}', "null", "true", "", "not json", '"a" x'])(
  "verifyStreamName refuses the signed text %p, which is no JSON string",
  (text) => {
    expect(verifyStreamName(signText("s3Krit", text), "s3Krit")).toBeNull();
  },
);

test.each([
  ['"chat\\/1"', "chat/1"],
  ['"\\u043a\\u043e\\u0442"', "кот"],
  ['"a\\u0026b"', "a&b"],
])("verifyStreamName reads %s, any JSON spelling of a name", (text, name) => {
  expect(verifyStreamName(signText("s3Krit", text), "s3Krit")).toBe(name);
});

test("auth-streams#23 verifyStreamName refuses URL-safe and unpadded base64, rightly signed", () => {
  const padded = Buffer.from('"a?>"').toString("base64");
  expect(verifyStreamName(signBase64("s3Krit", padded), "s3Krit")).toBe("a?>");
  const urlSafe = padded.replaceAll("+", "-").replaceAll("/", "_");
  expect(urlSafe).not.toBe(padded);

  expect(verifyStreamName(signBase64("s3Krit", urlSafe), "s3Krit")).toBeNull();
  expect(verifyStreamName(signBase64("s3Krit", "ImNoYXQ6MjAyMSI"), "s3Krit")).toBeNull();
});

test("verifyStreamName with an empty secret refuses everything, names signed with it first of all", () => {
  const forged =
    "ImNoYXQvMjAyMyI=--03f5fc02d1df23911d39c85d53c5109d96b4036ea81a5d868b4cfcf281dd2f50";
  expect(signStream("", "chat/2023")).toBe(forged);

  expect(verifyStreamName(forged, "")).toBeNull();
});
