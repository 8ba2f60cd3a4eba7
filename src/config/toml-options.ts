import { parse, TomlDate, TomlError, type TomlTable } from "smol-toml";
import { ServerError } from "../messages/server-error.ts";
import { type Connections, readConnections } from "./connections.ts";
import { isSameValue, type OptionLayer } from "./option-set.ts";
import { OPTION_TABLE, type OptionKey, type OptionRow, type OptionValue } from "./option-table.ts";
import { lastKey, lineOfKey } from "./toml-position.ts";
import { convert, type Mismatch, typeWord } from "./toml-value.ts";
import { applyUnset } from "./unset.ts";

/** What a file says. */
export interface FileOptions {
  readonly layer: OptionLayer;
  readonly connections: Connections;
  /** Dotted keys no option has, in file order. */
  readonly unknownKeys: readonly string[];
}

/** A table of the file and what was taken from it; paths match exactly, else in any case. */
export class TomlReader {
  private readonly text: string;
  private readonly tree: TomlTable;
  private readonly taken = new Set<string>();
  private readonly entered = new Set<string>();

  constructor(text: string, tree: TomlTable) {
    this.text = text;
    this.tree = tree;
  }

  /** The value at a dotted path, `undefined` when there is none; marks it as known. */
  value(path: string): unknown {
    let value: unknown = this.tree;
    const walked: string[] = [];
    for (const part of path.split(".")) {
      if (!isTable(value))
        throw this.mismatch(walked, `expected table but found ${typeWord(value)}`);
      this.entered.add(walked.join("\0"));
      const name = nameIn(value, part);
      if (name === null) return undefined;
      walked.push(name);
      value = value[name];
    }
    this.taken.add(walked.join("\0"));
    return value;
  }

  /** True when there is something at a dotted path; does not make it known. */
  has(path: string): boolean {
    let value: unknown = this.tree;
    for (const name of this.spelled(path)) {
      if (!isTable(value) || !Object.hasOwn(value, name)) return false;
      value = value[name];
    }
    return true;
  }

  /** The error for a value of the wrong type: file position, key and the two types. */
  incompatible(path: string, wrong: Mismatch): ServerError {
    const { member } = wrong;
    const spelled = this.spelled(path);
    return this.mismatch(member === undefined ? spelled : [...spelled, member], wrong.text);
  }

  /** Keys never asked for, outermost only. */
  unknownKeys(): readonly string[] {
    const unknown: string[] = [];
    const walk = (table: TomlTable, above: readonly string[]): void => {
      for (const [name, value] of Object.entries(table)) {
        const path = [...above, name];
        const id = path.join("\0");
        if (this.taken.has(id)) continue;
        if (isTable(value) && this.entered.has(id)) walk(value, path);
        else unknown.push(path.join("."));
      }
    };
    walk(this.tree, []);
    return unknown;
  }

  private spelled(path: string): string[] {
    let value: unknown = this.tree;
    return path.split(".").map((part) => {
      const name = isTable(value) ? (nameIn(value, part) ?? part) : part;
      value = isTable(value) ? value[name] : undefined;
      return name;
    });
  }

  private mismatch(path: readonly string[], detail: string): ServerError {
    return tomlError(lineOfKey(this.text, path), path.join("."), detail);
  }
}

/**
 * Reads the text of a configuration file.
 * @throws {ServerError} `bad_config_file` for broken TOML and for values of the wrong type, with line and key.
 * Source: spec "config", section 3.
 */
export function parseTomlOptions(text: string): FileOptions {
  const reader = new TomlReader(text, parseTree(text));
  const layer = new Map<OptionKey, OptionValue>();
  for (const row of OPTION_TABLE) {
    const keys = row.isFlagOnly === true ? [] : [row.key];
    for (const path of [...(row.tomlAliases ?? []), ...keys]) {
      const found = reader.value(path);
      if (found === undefined) continue;
      const value = convert(row.type, found);
      if (!value.ok) throw reader.incompatible(path, value);
      if (!isEmpty(row, value.value)) layer.set(row.key, value.value);
    }
  }
  forgetCopiedKey(layer);
  applyUnset(layer);
  // A key of the reference that says nothing: the hosts are always those of `allowed_origins`.
  reader.value("http_broadcast.cors_hosts");
  const connections = readConnections(reader);
  return { layer, connections, unknownKeys: reader.unknownKeys() };
}

/** A printed file has the broadcast key twice; taken as given, the copy would outlive every new key. */
function forgetCopiedKey(layer: Map<OptionKey, OptionValue>): void {
  const copy = layer.get("http_broadcast.secret");
  if (copy === layer.get("broadcast_key")) layer.delete("http_broadcast.secret");
}

function isEmpty(row: OptionRow, value: OptionValue): boolean {
  return row.isEmptyUnset === true && (value === "" || isSameValue(value, []));
}

function parseTree(text: string): TomlTable {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const detail = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "";
    throw tomlError(error.line, lastKey(text, error.line), detail, error);
  }
}

function tomlError(line: number, key: string | null, detail: string, cause?: unknown): ServerError {
  const where = key === null ? `line ${line}` : `line ${line} (last key "${key}")`;
  return new ServerError(
    "bad_config_file",
    `failed to parse TOML configuration, cause: toml: ${where}: ${detail}`,
    { cause, details: { line, key } },
  );
}

function nameIn(table: TomlTable, part: string): string | null {
  if (Object.hasOwn(table, part)) return part;
  const wanted = part.toLowerCase();
  return Object.keys(table).find((name) => name.toLowerCase() === wanted) ?? null;
}

function isTable(value: unknown): value is TomlTable {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof TomlDate)
  );
}
