/** A gRPC application in a process of its own; driven by `grpc-backend.ts`. */
import * as grpc from "@grpc/grpc-js";
import type {
  GrpcAnswer,
  GrpcBackendSettings,
  GrpcMethod,
  GrpcOrder,
  GrpcReport,
  GrpcRule,
} from "./grpc-backend-messages.ts";

type Call = grpc.ServerUnaryCall<Buffer, Buffer>;
type Done = grpc.sendUnaryData<Buffer>;

const settings = JSON.parse(process.argv[2] ?? "{}") as GrpcBackendSettings; // written by grpc-backend.ts
const uses = new Map<GrpcRule, number>();
let rules: readonly GrpcRule[] = [];

const server = new grpc.Server(settings.channelOptions);
const methods: readonly GrpcMethod[] = ["Connect", "Command", "Disconnect"];
server.addService(
  Object.fromEntries(methods.map((method) => [method, definition(method)])),
  Object.fromEntries(methods.map((method) => [method, handler(method)])),
);
server.bindAsync(settings.listen, credentials(), (error, port) => {
  if (error !== null) throw error;
  report({ report: "listening", port });
});

process.on("message", (order: GrpcOrder) => {
  switch (order.order) {
    case "rules":
      rules = order.rules;
      uses.clear();
      report({ report: "rules" });
      return;
    case "settle":
      report({ report: "settled" });
      return;
    case "drain":
      server.tryShutdown(() => report({ report: "drained" }));
      return;
  }
});
process.on("disconnect", () => process.exit());

function definition(method: GrpcMethod): grpc.MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer) => bytes;
  return {
    path: `/anycable.RPC/${method}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function handler(method: GrpcMethod): (call: Call, done: Done) => void {
  return (call, done) => {
    report({ report: "call", call: record(method, call) });
    call.on("cancelled", () => report({ report: "canceled", method }));
    answer(answerFor(method, call.request), done);
  };
}

function record(method: GrpcMethod, call: Call) {
  const deadline = call.getDeadline();
  const deadlineMs = deadline instanceof Date ? deadline.getTime() : deadline;
  const metadata = Object.fromEntries(
    Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)]),
  );
  return {
    method,
    bytes: new Uint8Array(call.request),
    metadata,
    peer: call.getPeer(),
    timeLeftMs: Number.isFinite(deadlineMs) ? deadlineMs - Date.now() : null,
    atMs: Date.now(),
  };
}

function answerFor(method: GrpcMethod, request: Buffer): GrpcAnswer {
  const rule = rules.find((one) => one.method === method && request.includes(one.contains));
  if (rule === undefined) {
    return { kind: "error", code: 12, message: `no rule for ${method}`, delayMs: 0 };
  }
  const used = uses.get(rule) ?? 0;
  uses.set(rule, used + 1);
  const found = rule.answers[Math.min(used, rule.answers.length - 1)];
  return found ?? { kind: "hang" };
}

function answer(how: GrpcAnswer, done: Done): void {
  if (how.kind === "hang") return;
  const give = () => {
    if (how.kind === "reply") done(null, Buffer.from(how.bytes));
    else done({ code: how.code, details: how.message });
  };
  if (how.delayMs > 0) setTimeout(give, how.delayMs);
  else give();
}

function credentials(): grpc.ServerCredentials {
  if (settings.tls === null) return grpc.ServerCredentials.createInsecure();
  const { key, cert } = settings.tls;
  return grpc.ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
  ]);
}

function report(what: GrpcReport): void {
  process.send?.(what);
}
