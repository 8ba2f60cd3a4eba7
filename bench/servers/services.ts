import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Child, freePort, startChild } from "./child.ts";

/** A Redis or NATS server of the bench's own, on a free port, that keeps nothing behind its end. */
export interface Service {
  readonly port: number;
  readonly stop: Child["stop"];
}

/** What a service is called and how to get it. */
export const SERVICES = {
  redis: "redis-server is not installed: apt-get install redis-server",
  nats: "nats-server is not there: run scripts/fetch-nats-server.sh, or apt-get install nats-server",
} as const;

/** A service a row may need. */
export type ServiceName = keyof typeof SERVICES;

/** @returns null when it is not installed, see `SERVICES` */
export function startService(name: ServiceName): Promise<Service | null> {
  return name === "redis" ? startRedis() : startNats();
}

async function startRedis(): Promise<Service | null> {
  const path = Bun.which("redis-server");
  if (path === null) return null;
  const port = freePort();
  const command = (folder: string) => [
    path,
    ...["--bind", "127.0.0.1", "--port", String(port), "--dir", folder],
    ...["--save", "", "--appendonly", "no"],
  ];
  const { stop } = await startChild({ command, ports: [port] });
  return { port, stop };
}

/** With JetStream, which the broker needs. */
async function startNats(): Promise<Service | null> {
  const path = natsServer();
  if (path === null) return null;
  const port = freePort();
  const command = (folder: string) => [
    path,
    ...["--addr", "127.0.0.1", "--port", String(port)],
    ...["--jetstream", "--store_dir", join(folder, "jetstream")],
  ];
  const { stop } = await startChild({ command, ports: [port] });
  return { port, stop };
}

/** The one fetched for our executable, where it is; an empty file stands for none. Packages of Debian put theirs where only root's PATH leads. */
function natsServer(): string | null {
  const fetched = join(import.meta.dir, "../../dist/.nats/nats-server");
  if (existsSync(fetched) && statSync(fetched).size > 0) return fetched;
  const debian = "/usr/sbin/nats-server";
  return Bun.which("nats-server") ?? (existsSync(debian) ? debian : null);
}
