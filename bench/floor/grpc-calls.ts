import { type ClientHttp2Session, connect } from "node:http2";
import { ServerError } from "../../src/messages/server-error.ts";
import { stringField } from "../backend/protobuf.ts";
import { CALL, measureCalls } from "./calls.ts";

/**
 * The floor of the gRPC row: bare `node:http2` calls to the backend on one connection, nothing else.
 * Run as `bun bench/floor/grpc-calls.ts <http://host:port> <count>`; prints one measurement.
 */

const message = Buffer.concat([
  stringField(1, CALL.command),
  stringField(2, CALL.identifier),
  stringField(3, CALL.connection_identifiers),
  stringField(4, CALL.data),
  stringField(5, stringField(1, CALL.url).toString("latin1")),
]);
const prefix = Buffer.alloc(5);
prefix.writeUInt32BE(message.length, 1);
const request = Buffer.concat([prefix, message]);

const HEADERS = {
  ":method": "POST",
  ":path": "/anycable.RPC/Command",
  "content-type": "application/grpc",
  te: "trailers",
};

function call(session: ClientHttp2Session): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = session.request(HEADERS);
  let bytes = 0;
  let status: unknown;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  stream.on("close", () => {
    if (status === "0" && bytes > prefix.length) resolve();
    else reject(new ServerError("bad_answer", `grpc-status ${String(status)}, ${bytes} bytes`));
  });
  stream.on("error", reject);
  stream.end(request);
  return promise;
}

const session = connect(process.argv[2] ?? "");
session.on("error", () => process.exit(1));
await new Promise((ready) => session.once("remoteSettings", ready));
const measurement = await measureCalls(Number(process.argv[3]), () => call(session));
process.stdout.write(`${JSON.stringify(measurement)}\n`, () => process.exit(0));
