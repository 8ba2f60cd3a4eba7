import { readFileSync } from "node:fs";
import { ServerError } from "../src/messages/server-error.ts";
import type { Row } from "./row.ts";

/** Descriptors a server needs beside its clients. */
const RESERVE = 300;

/**
 * Checks that this machine can hold the clients of every row: descriptors per process (Bun raises the soft limit
 * to the hard one by itself, so the hard one counts) and local ports towards one server.
 * @throws {ServerError} `limit_too_low` naming the limit, its value and what is needed
 */
export function checkLimits(rows: readonly Row[]): void {
  const needed = Math.max(...rows.map((row) => row.clients)) + RESERVE;
  const limits = readFileSync("/proc/self/limits", "latin1");
  const hard = /Max open files +\S+ +(\d+|unlimited)/.exec(limits)?.[1] ?? "0";
  if (hard !== "unlimited" && Number(hard) < needed) {
    throw tooLow(`descriptor limit is ${hard}, ${needed} are needed: ulimit -Hn ${needed}`);
  }
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").split("\t");
  const ports = Number(range[1]) - Number(range[0]);
  if (ports < needed) {
    throw tooLow(`only ${ports} local ports, ${needed} are needed: net.ipv4.ip_local_port_range`);
  }
}

function tooLow(text: string): ServerError {
  return new ServerError("limit_too_low", text);
}
