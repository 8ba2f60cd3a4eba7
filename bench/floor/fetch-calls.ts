import { ServerError } from "../../src/messages/server-error.ts";
import { CALL, measureCalls } from "./calls.ts";

/**
 * The floor of the HTTP RPC row: bare `fetch` calls to the backend, nothing else.
 * Run as `bun bench/floor/fetch-calls.ts <base URL> <count>`; prints one measurement.
 */

const { url, ...command } = CALL;
const body = JSON.stringify({ ...command, env: { url, headers: { REMOTE_ADDR: "127.0.0.1" } } });
const target = `${process.argv[2]}/command`;

async function call(): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(target, { method: "POST", headers, body });
  const text = await answer.text();
  if (!text.includes("echo")) throw new ServerError("bad_answer", `backend said ${text}`);
}

const measurement = await measureCalls(Number(process.argv[3]), call);
process.stdout.write(`${JSON.stringify(measurement)}\n`, () => process.exit(0));
