import { failure } from "./failure.ts";

/** The system calls this room needs and the runtime does not offer. Linux only. */
export interface Libc {
  /** @returns a descriptor, negative when it failed */
  readonly memfdCreate: (name: string, flags: number) => number;
  readonly prctl: (option: number, value: number) => number;
  readonly getppid: () => number;
  /** Replaces this process; returns only when that failed. */
  readonly execv: (path: string, args: readonly string[]) => void;
}

const NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

/**
 * Loaded when asked for: most runs never need it.
 * @throws {ServerError} `embedded_nats_exec_failed` when there is no C library to load
 */
export async function loadLibc(): Promise<Libc> {
  const { dlopen, ptr } = await import("bun:ffi");
  const load = (name: string) =>
    dlopen(name, {
      memfd_create: { args: ["cstring", "u32"], returns: "i32" },
      prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
      getppid: { args: [], returns: "i32" },
      execv: { args: ["cstring", "ptr"], returns: "i32" },
    });
  const { symbols } = firstThatLoads(load);
  return {
    memfdCreate: (name, flags) => symbols.memfd_create(ptr(cString(name)), flags),
    prctl: (option, value) => symbols.prctl(option, value, 0, 0, 0),
    getppid: () => symbols.getppid(),
    execv: (path, args) => {
      const texts = args.map(cString);
      const table = new BigUint64Array(texts.length + 1);
      texts.forEach((text, index) => {
        table[index] = BigInt(ptr(text));
      });
      symbols.execv(ptr(cString(path)), ptr(table));
    },
  };
}

function firstThatLoads<T>(load: (name: string) => T): T {
  let last: unknown;
  for (const name of NAMES) {
    try {
      return load(name);
    } catch (error) {
      last = error;
    }
  }
  throw failure("no C library could be loaded", last, "embedded_nats_exec_failed");
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}
