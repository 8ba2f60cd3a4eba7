import { expect, test } from "bun:test";
import { RequestInfo, type RequestInfoOptions } from "../../src/transports/request-info.ts";

function env(
  headers: Record<string, string>,
  given: Partial<RequestInfoOptions> = {},
  address = "10.0.0.1",
) {
  const options = { headers: ["cookie"], cookies: [], jwtParam: null, isTls: false, ...given };
  const request = new Request("http://ignored.test/ignored", { headers });
  return new RequestInfo(options).env(request, "/cable?x=1&token=a%20b", address);
}

test("RequestInfo puts the URL together from host, path and query as they came", () => {
  expect(env({ host: "H.example:8080" }).url).toBe("http://H.example:8080/cable?x=1&token=a%20b");
  expect(env({ host: "h" }, { isTls: true }).url).toBe("https://h/cable?x=1&token=a%20b");
});

test("RequestInfo hands on the headers named, in lower case, and the address; never the host", () => {
  const { headers } = env(
    { Cookie: "a=1", "X-Api-Token": "t", "X-Other": "o", Host: "h", "X-Empty": "" },
    { headers: ["cookie", "x-api-token", "x-missing", "x-empty", "host"] },
  );

  expect({ ...headers }).toEqual({ cookie: "a=1", "x-api-token": "t", REMOTE_ADDR: "10.0.0.1" });
});

test("RequestInfo takes the address of the peer whatever forwarding headers say", () => {
  expect(env({ "X-Forwarded-For": "1.2.3.4" }).headers["REMOTE_ADDR"]).toBe("10.0.0.1");
  expect(env({}, {}, "::ffff:127.0.0.1").headers["REMOTE_ADDR"]).toBe("127.0.0.1");
  expect(env({}, {}, "::1").headers["REMOTE_ADDR"]).toBe("::1");
});

test("RequestInfo hands on the cookies named only, as name=value; without blanks [Q3]", () => {
  const cookie = (header: string, ...cookies: string[]) =>
    env({ cookie: header }, { cookies }).headers["cookie"];

  expect(cookie("a=1; b=2=x", "b")).toBe("b=2=x;");
  expect(cookie("a=1; b=2; c=3", "a", "c")).toBe("a=1;c=3;");
  expect(cookie("a=1", "b")).toBeUndefined();
  expect(cookie("a=1; b; =2", "b", "")).toBe("=2;");
  expect(cookie("a=1;  b=2")).toBe("a=1;  b=2");
});

test("RequestInfo finds the token in its header, else in the pseudo sub-protocol, when tokens are looked at", () => {
  const token = (headers: Record<string, string>, jwtParam: string | null = "jid") =>
    env(headers, { jwtParam }).headers["x-jid"];

  expect(token({ "X-JID": "h" })).toBe("h");
  expect(token({ "Sec-WebSocket-Protocol": "actioncable-v1-json, anycable-token.p" })).toBe("p");
  expect(token({ "X-JID": "h", "Sec-WebSocket-Protocol": "anycable-token.p" })).toBe("h");
  expect(token({ "X-JID": "h" }, null)).toBeUndefined();
  expect(token({})).toBeUndefined();
});

test("RequestInfo keeps UTF-8 in values", () => {
  const value = Buffer.from("Jürgen ☃").toString("latin1");

  expect(env({ cookie: `name=${value}` }).headers["cookie"]).toBe("name=Jürgen ☃");
});

test("RequestInfo takes names of object members for names like any other", () => {
  const { headers } = env({ constructor: "c" }, { headers: ["constructor", "tostring"] });

  expect(Object.entries(headers)).toEqual([
    ["constructor", "c"],
    ["REMOTE_ADDR", "10.0.0.1"],
  ]);
});

// The runtime throws for such a name: every handshake was answered 500.
test("RequestInfo never finds headers whose names no request can have", () => {
  const { headers } = env(
    { "X-Foo": "f", "Sec-WebSocket-Protocol": "anycable-token.t" },
    { headers: [" x-foo", "", "x foo", "x-föö", "x-foo"], jwtParam: "a b" },
  );

  expect({ ...headers }).toEqual({ "x-foo": "f", "x-a b": "t", REMOTE_ADDR: "10.0.0.1" });
});

test("RequestInfo takes the first of repeated token headers", () => {
  const token = (...values: string[]) => {
    const headers = new Headers({ "Sec-WebSocket-Protocol": "anycable-token.p" });
    for (const value of values) headers.append("X-JID", value);
    const options = { headers: [], cookies: [], jwtParam: "jid", isTls: false };
    const request = new Request("http://ignored.test/", { headers });
    return new RequestInfo(options).env(request, "/", "::1").headers["x-jid"];
  };

  expect(token("first", "second")).toBe("first");
  expect(token("one,two")).toBe("one,two");
  expect(token("", "second")).toBe("p");
});
