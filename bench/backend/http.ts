import { answerCommand, type RpcAnswer, type RpcCommand, WELCOME } from "./application.ts";

/**
 * The HTTP RPC backend of the benches: `/connect`, `/command` and `/disconnect` under any prefix, with the answers of
 * `application.ts`. Run as `bun bench/backend/http.ts <port>`; ends with its standard input.
 */

function response(answer: RpcAnswer): Response {
  return new Response(JSON.stringify({ status: 1, ...answer }));
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  async fetch(request) {
    if (request.url.endsWith("/connect")) return response(WELCOME);
    if (!request.url.endsWith("/command")) return new Response('{"status":1}');
    // Written by the server under test: a wrong field shows as a call that is never answered as expected.
    const command: RpcCommand = JSON.parse(await request.text());
    return response(answerCommand(command));
  },
});

for await (const _ of Bun.stdin.stream());
process.exit(0);
