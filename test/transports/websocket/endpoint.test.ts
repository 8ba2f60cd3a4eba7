import { expect, test } from "bun:test";
import {
  DEFAULT_SUBPROTOCOL,
  SUBPROTOCOLS,
} from "../../../src/protocols/actioncable/subprotocols.ts";
import { RequestInfo } from "../../../src/transports/request-info.ts";
import { ConnectionSlots } from "../../../src/transports/websocket/connection-slots.ts";
import { WebSocketEndpoint } from "../../../src/transports/websocket/endpoint.ts";
import { FakeLog } from "../../support/fake-log.ts";

const HANDSHAKE = new Request("http://h.test/cable", {
  headers: {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
  },
});

test("WebSocketEndpoint gives the place back of a client that did not get in, also when that threw", () => {
  const slots = new ConnectionSlots(1);
  const endpoint = createEndpoint(slots);
  const server = (upgrade: () => boolean) => ({
    upgrade,
    requestIP: () => null,
    timeout: () => {},
  });
  const failing = server(() => {
    throw new TypeError("out of order");
  });

  expect(() => endpoint.handle(HANDSHAKE, "/cable", failing)).toThrow("out of order");
  const refused = endpoint.handle(
    HANDSHAKE,
    "/cable",
    server(() => false),
  );

  expect(refused).toMatchObject({ status: 400 });
  expect(slots.tryAcquire()).toBe(true);
});

function createEndpoint(slots: ConnectionSlots): WebSocketEndpoint {
  return new WebSocketEndpoint(
    {
      paths: ["/cable"],
      allowedOrigins: [],
      maxMessageBytes: 0,
      isCompressed: false,
      pingIntervalMs: 0,
      pingPrecision: "s",
      version: "0",
      subprotocols: SUBPROTOCOLS,
      defaultSubprotocol: DEFAULT_SUBPROTOCOL,
    },
    {
      gateway: { open: () => null as never },
      info: new RequestInfo({ headers: [], cookies: [], jwtParam: null, isTls: false }),
      slots,
      sid: () => "sid",
      log: new FakeLog(),
    },
  );
}
