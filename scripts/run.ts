import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * Starts dist/cableway on defaults that need no other server, passes its log through, and prints two lines to try
 * once it serves. `bun scripts/run.ts [flag …]`: flags of the server, later ones win.
 */

const DEFAULTS = ["--public", "--norpc", "--broadcast_adapter=http"];
const BUN = ".tools/node_modules/.bin/bun";
const BODY = JSON.stringify({ stream: "chat", data: JSON.stringify({ text: "hello" }) });

const server = spawn("dist/cableway", [...DEFAULTS, ...process.argv.slice(2)], {
  stdio: ["ignore", "pipe", "inherit"],
  // In its own process group: a terminal's Ctrl-C would reach it twice, and the second one ends it at once.
  detached: true,
});
const addresses = { cable: "", broadcast: "", isOpen: true };

createInterface({ input: server.stdout }).on("line", (line) => {
  process.stdout.write(`${line}\n`);
  const cable = /Handle WebSocket connections at http(s?:\/\/\S+)/.exec(line)?.[1];
  const broadcast = /Accept broadcast requests at (\S+) \((.*)\)/.exec(line);
  if (cable !== undefined) addresses.cable = `ws${cable}`;
  if (broadcast !== null) {
    addresses.broadcast = broadcast[1] ?? "";
    addresses.isOpen = broadcast[2]?.startsWith("no authorization") === true;
  }
  if (line.includes("Handle health requests at")) printHints();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => server.kill());
server.on("exit", (code) => process.exit(code ?? 1));

function printHints(): void {
  const key = addresses.isOpen ? "" : '-H "Authorization: Bearer $BROADCAST_KEY" ';
  process.stdout.write(
    `\nTry it from two other terminals, in this folder:\n\n` +
      `  ${BUN} scripts/listen.ts ${addresses.cable} chat\n` +
      `  curl -i ${key}${addresses.broadcast} -d '${BODY}'\n\n`,
  );
}
