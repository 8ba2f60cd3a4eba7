import { expect } from "bun:test";
import { parse } from "smol-toml";
import { type Exit, type LoadInput, loadConfig, type Run } from "../../src/config/load.ts";
import type { Settings } from "../../src/config/settings.ts";

/** What a case gives; everything else is an empty machine on 15 January 2026, 09:30:00 local time. */
export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  /** Texts, or bytes, by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Paths that are folders. */
  readonly folders?: readonly string[];
}

/** Loads as the executable would. */
export function load(argv: readonly string[], given: Given = {}): Exit | Run {
  return loadConfig(inputOf(argv, given));
}

/** The settings of a start; fails when the process would end instead. */
export function settingsOf(argv: readonly string[], given: Given = {}): Settings {
  return runOf(argv, given).settings;
}

/** A start; fails when the process would end instead. */
export function runOf(argv: readonly string[], given: Given = {}): Run {
  const result = load(argv, given);
  if (result.kind === "exit") throw new Error(`ends: ${result.stdout}${result.stderr}`);
  return result;
}

/** An end with code 1; fails when the server would run. */
export function failureOf(argv: readonly string[], given: Given = {}): Exit {
  const result = load(argv, given);
  if (result.kind !== "exit") throw new Error("the server would run");
  expect(result.code).toBe(1);
  return result;
}

/** What `--print-config` says: `get` by dotted path, and everything before the TOML in `warnings`. */
export function printed(argv: readonly string[], given: Given = {}): Printed {
  const result = load(["--print-config", ...argv], given);
  if (result.kind !== "exit") throw new Error("the server would run");
  expect([result.code, result.stderr]).toEqual([0, ""]);
  const start = result.stdout.indexOf("# Cableway ");
  return new Printed(result.stdout.slice(0, start), result.stdout.slice(start));
}

/** The same with a configuration file. */
export function printedFile(text: string, ...argv: readonly string[]): Printed {
  return printed(["--config-path=c.toml", ...argv], { files: { "c.toml": text } });
}

export class Printed {
  readonly warnings: string;
  readonly text: string;
  private readonly tree: unknown;

  constructor(warnings: string, text: string) {
    this.warnings = warnings;
    this.text = text;
    this.tree = parse(text);
  }

  /** The live value at a dotted path, `undefined` when the key is absent or a comment. */
  get(path: string): unknown {
    let value = this.tree;
    for (const part of path.split(".")) {
      if (typeof value !== "object" || value === null) return undefined;
      value = new Map(Object.entries(value)).get(part);
    }
    return value;
  }

  /** Several values at once. */
  all(...paths: readonly string[]): unknown[] {
    return paths.map((path) => this.get(path));
  }
}

function inputOf(argv: readonly string[], given: Given): LoadInput {
  const files = new Map(Object.entries(given.files ?? {}));
  return {
    argv,
    env: given.env ?? {},
    files: {
      exists: (path) => files.has(path) || given.folders?.includes(path) === true,
      read: (path) => {
        if (given.folders?.includes(path)) throw fileError("EISDIR");
        const content = files.get(path);
        if (content === undefined) throw fileError("ENOENT");
        return typeof content === "string" ? new TextEncoder().encode(content) : content;
      },
    },
    now: () => new Date(2026, 0, 15, 9, 30, 0),
    random: (length) => "aB3_xZ-9".slice(0, length),
  };
}

function fileError(code: string): Error {
  return Object.assign(new Error(`${code}: what the system says`), { code });
}
