import { expect, test } from "bun:test";
import { corsHeaders } from "../../src/messages/cors.ts";

const FIXED = {
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Allow-Credentials": "true",
  "Access-Control-Allow-Headers":
    "Origin, X-Requested-With, X-Request-ID, Content-Type, Accept, X-CSRF-Token, Authorization",
};

function allowed(origin: string | null, ...hosts: string[]) {
  return corsHeaders(origin, hosts)["Access-Control-Allow-Origin"] ?? null;
}

test("corsHeaders allows everybody when no hosts are listed", () => {
  expect(corsHeaders("http://x.test", [])).toEqual({
    "Access-Control-Allow-Origin": "*",
    ...FIXED,
  });
  expect(corsHeaders(null, [])).toEqual({ "Access-Control-Allow-Origin": "*", ...FIXED });
});

test("corsHeaders names a listed origin in lower case", () => {
  expect(corsHeaders("http://WWW.Example.com", ["*.example.com"])).toEqual({
    "Access-Control-Allow-Origin": "http://www.example.com",
    ...FIXED,
  });
});

test("corsHeaders leaves a foreign or missing origin out and keeps the rest", () => {
  expect(corsHeaders("http://evil.test", ["x.test"])).toEqual(FIXED);
  expect(corsHeaders(null, ["x.test"])).toEqual(FIXED);
  expect(corsHeaders("", ["*"])).toEqual(FIXED);
});

test("corsHeaders compares host and port as they are written", () => {
  expect(allowed("http://x.test:3000", "x.test:3000")).toBe("http://x.test:3000");
  expect(allowed("http://x.test:3000", "x.test")).toBeNull();
  expect(allowed("http://x.test:80", "x.test")).toBeNull();
  expect(allowed("http://x.test@evil.test", "x.test")).toBeNull();
  expect(allowed("http://evil.test/x.test", "x.test")).toBeNull();
});

test("corsHeaders takes a leading star for any beginning", () => {
  expect(allowed("https://a.x.test", "*.x.test")).toBe("https://a.x.test");
  expect(allowed("https://x.test", "*.x.test")).toBeNull();
  expect(allowed("https://badx.test", "*x.test")).toBe("https://badx.test");
  expect(allowed("null", "*")).toBe("null");
});

// An empty entry ends the request in the reference.
test("corsHeaders skips empty entries of the list", () => {
  expect(allowed("http://x.test", "a.test", "", "x.test")).toBe("http://x.test");
  expect(allowed("null", "")).toBeNull();
});
