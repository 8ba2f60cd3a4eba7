import type { ServerWebSocket, WebSocketHandler } from "bun";

/**
 * The floor every figure is compared with: a bare Bun WebSocket server with an outbox per client, flushed once per
 * turn inside cork, and just enough Action Cable to be driven by the same load. No sessions, no checks, no limits.
 * Run as `bun bench/floor/server.ts <port>`; ends with its standard input.
 */

interface Group {
  readonly identifier: string;
  readonly members: ServerWebSocket<Client>[];
}

interface Client {
  outbox: string[] | null;
  group: Group | null;
  place: number;
}

const LISTENERS = 8;
const WELCOME = '{"type":"welcome","sid":"floor"}';
const HEADERS = { headers: { "Sec-WebSocket-Protocol": "actioncable-v1-json" } };

const groups = new Map<string, Group>();
let dirty: ServerWebSocket<Client>[] = [];

function send(socket: ServerWebSocket<Client>, frame: string): void {
  if (socket.data.outbox) {
    socket.data.outbox.push(frame);
    return;
  }
  socket.data.outbox = [frame];
  if (dirty.push(socket) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const sockets = dirty;
  dirty = [];
  for (const socket of sockets) socket.cork(flush);
}

function flush(socket: ServerWebSocket<Client>): void {
  const frames = socket.data.outbox ?? [];
  socket.data.outbox = null;
  for (const frame of frames) socket.send(frame);
}

function subscribe(socket: ServerWebSocket<Client>, identifier: string): void {
  const stream: string = JSON.parse(identifier).stream_name;
  const group = groups.get(stream) ?? { identifier, members: [] };
  groups.set(stream, group);
  socket.data.group = group;
  socket.data.place = group.members.push(socket) - 1;
  send(socket, `{"type":"confirm_subscription","identifier":${JSON.stringify(identifier)}}`);
}

function leave({ group, place }: Client): void {
  const last = group?.members.pop();
  if (!group || !last || place === group.members.length) return;
  group.members[place] = last;
  last.data.place = place;
}

function broadcast({ stream, data }: { stream: string; data: string }): void {
  const group = groups.get(stream);
  if (!group) return;
  const frame = `{"identifier":${JSON.stringify(group.identifier)},"message":${data}}`;
  for (const socket of group.members) send(socket, frame);
}

const websocket: WebSocketHandler<Client> = {
  idleTimeout: 0,
  sendPings: false,
  open: (socket) => send(socket, WELCOME),
  message(socket, text) {
    const command = JSON.parse(String(text));
    if (command.command === "subscribe") subscribe(socket, command.identifier);
  },
  close: (socket) => leave(socket.data),
};

async function publish(request: Request): Promise<Response> {
  const body = await request.json();
  for (const publication of Array.isArray(body) ? body : [body]) broadcast(publication);
  return new Response(null, { status: 201 });
}

for (let i = 0; i < LISTENERS; i++) {
  Bun.serve<Client>({
    hostname: "127.0.0.1",
    port: Number(process.argv[2]),
    reusePort: true,
    websocket,
    fetch(request, server) {
      if (request.method === "POST") return publish(request);
      const data = { outbox: null, group: null, place: 0 };
      return server.upgrade(request, { data, ...HEADERS })
        ? undefined
        : new Response(null, { status: 400 });
    },
  });
}

for await (const _ of Bun.stdin.stream());
process.exit(0);
