import { GrpcConnection } from "./grpc-connection.ts";

/**
 * The gRPC backend of the benches: plain TCP, HTTP/2 by hand, one answer per command (`application.ts`).
 * Run as `bun bench/backend/grpc.ts <port>`; ends with its standard input.
 */

interface Peer {
  connection: GrpcConnection | null;
  unsent: Buffer[];
}

Bun.listen<Peer>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    open(socket) {
      socket.data = { connection: null, unsent: [] };
      socket.setNoDelay(true);
      socket.data.connection = new GrpcConnection((bytes) => {
        const { unsent } = socket.data;
        const written = unsent.length > 0 ? 0 : socket.write(bytes);
        if (written < bytes.length) unsent.push(bytes.subarray(Math.max(written, 0)));
      });
    },
    data: (socket, chunk) => socket.data.connection?.received(chunk),
    drain(socket) {
      const bytes = Buffer.concat(socket.data.unsent);
      const written = Math.max(socket.write(bytes), 0);
      socket.data.unsent = written < bytes.length ? [bytes.subarray(written)] : [];
    },
  },
});

for await (const _ of Bun.stdin.stream());
process.exit(0);
