/**
 * Subscribes to a public stream and prints what arrives. `bun scripts/listen.ts <ws://…> <stream>`; ends with the
 * connection, exit code 1 when the server refuses.
 */

const [url = "ws://localhost:8080/cable", stream = "chat"] = process.argv.slice(2);
const identifier = JSON.stringify({ channel: "$pubsub", stream_name: stream });
const socket = new WebSocket(url, "actioncable-v1-json");

socket.onmessage = ({ data }) => {
  const message = JSON.parse(String(data)) as { type?: string };
  if (message.type === "ping") return;
  process.stdout.write(`${data}\n`);
  if (message.type === "welcome") {
    socket.send(JSON.stringify({ command: "subscribe", identifier }));
  }
  if (message.type === "reject_subscription") process.exit(1);
};
socket.onerror = () => {
  process.stderr.write(`cannot connect to ${url}\n`);
  process.exit(1);
};
socket.onclose = () => process.exit(0);
