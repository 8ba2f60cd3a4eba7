/** The chat application in a process of its own, over gRPC and over HTTP; started by `chat-backend.ts`. */
import { createServer } from "node:http";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { ApplicationRequest, ApplicationResponse } from "../application.ts";
import { answerChat, type ChatCall, type ChatWorld } from "./chat-application.ts";

const PROTO = join(import.meta.dirname, "../../../protos/rpc.proto");
const publishUrl = process.argv[2] ?? "";

const world: ChatWorld = {
  async broadcast(stream, data, excludedSid) {
    const meta = excludedSid === undefined ? {} : { meta: { exclude_socket: excludedSid } };
    const body = JSON.stringify({ stream, data: JSON.stringify(data), ...meta });
    await fetch(publishUrl, { method: "POST", body });
  },
};

const [grpcPort, httpPort] = await Promise.all([serveGrpc(), serveHttp()]);
process.send?.({ grpcPort, httpPort });
process.on("disconnect", () => process.exit());

function serveGrpc(): Promise<number> {
  const options = { keepCase: true, defaults: false, enums: Number };
  const { RPC } = (grpc.loadPackageDefinition(loadSync(PROTO, options)) as unknown as Package) // the file is ours
    .anycable;
  const server = new grpc.Server();
  server.addService(RPC.service, {
    Connect: handler("connect"),
    Command: handler("command"),
    Disconnect: handler("disconnect"),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

interface Package {
  readonly anycable: { readonly RPC: grpc.ServiceClientConstructor };
}

function handler(name: ChatCall["name"]) {
  return (
    { request, metadata }: grpc.ServerUnaryCall<ApplicationRequest, ApplicationResponse>,
    done: grpc.sendUnaryData<ApplicationResponse>,
  ): void => {
    const sid = String(metadata.get("sid")[0]);
    answerChat({ name, request, sid }, world).then(
      (answer) => done(null, answer),
      (error: unknown) => done({ code: grpc.status.INTERNAL, details: String(error) }),
    );
  };
}

function serveHttp(): Promise<number> {
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request = JSON.parse(Buffer.concat(chunks).toString()) as ApplicationRequest; // the server's
    const name = incoming.url?.split("/").at(-1) as ChatCall["name"]; // one of three
    const sid = String(incoming.headers["x-anycable-meta-sid"]);
    response.end(JSON.stringify(await answerChat({ name, request, sid }, world)));
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(address !== null && typeof address === "object" ? address.port : 0);
    });
  });
}
