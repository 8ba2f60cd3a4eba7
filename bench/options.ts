import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { ServerError } from "../src/messages/server-error.ts";
import type { Row } from "./row.ts";
import { binarySubject } from "./servers/binary.ts";
import { PUBLIC_IDENTIFIER, type Subject } from "./servers/subject.ts";
import { urlSubject } from "./servers/url.ts";

/** What the command line asks for. */
export interface BenchOptions {
  readonly rows: readonly Row[];
  /** The columns beside the floor; the first is the one budgets are held against. */
  readonly subjects: readonly Subject[];
  readonly isJson: boolean;
}

/** Help text of `bun bench/run.ts --help`. */
export const USAGE = `bun bench/run.ts [row …] [options]

  row                   only rows whose name contains one of these words
  --binary PATH         the server under test (default dist/cableway)
  --against PATH        another executable with the same flags, as one more column
  --url ws://…          a running Action Cable server, as one more column
  --publish http://…    where that server takes publications
  --publish-key KEY     its bearer key, if it wants one
  --pid N               its process, for figures per CPU-second
  --identifier JSON     its channel identifier, with {stream} for the stream name
  --json                print all measurements as JSON instead of the table
`;

/**
 * Reads the command line.
 * @throws {ServerError} `bad_usage` naming what is wrong and what is allowed
 */
export function readOptions(args: readonly string[], rows: readonly Row[]): BenchOptions | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  return {
    rows: chosen(rows, positionals),
    subjects: subjects(values),
    isJson: values.json ?? false,
  };
}

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        binary: text,
        against: text,
        url: text,
        publish: text,
        "publish-key": text,
        pid: text,
        identifier: text,
        json: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function chosen(rows: readonly Row[], words: readonly string[]): readonly Row[] {
  const unknown = words.find((word) => !rows.some((row) => row.name.includes(word)));
  if (unknown !== undefined) {
    throw usage(`no row "${unknown}"; there are: ${rows.map((row) => row.name).join(", ")}`);
  }
  if (words.length === 0) return rows;
  return rows.filter((row) => words.some((word) => row.name.includes(word)));
}

function subjects(values: Values): readonly Subject[] {
  const found: Subject[] = [];
  const binary = values.binary ?? "dist/cableway";
  if (existsSync(binary)) found.push(binarySubject("cableway", binary));
  else if (values.binary !== undefined || values.url === undefined) {
    throw usage(`${binary} is not there: run "make build" first`);
  }
  if (values.against !== undefined) {
    if (!existsSync(values.against)) throw usage(`--against: ${values.against} is not there`);
    found.push(binarySubject("against", values.against));
  }
  if (values.url !== undefined) found.push(urlSubject("url", urlTarget(values, values.url)));
  return found;
}

function urlTarget(values: Values, url: string) {
  if (!URL.canParse(url) || new URL(url).protocol !== "ws:") {
    throw usage(`--url: ${url} is not ws://host:port/path`);
  }
  if (values.publish === undefined || !URL.canParse(values.publish)) {
    throw usage("--url needs --publish http://host:port/path");
  }
  const identifier = values.identifier ?? PUBLIC_IDENTIFIER;
  if (!identifier.includes("{stream}")) throw usage("--identifier: {stream} is missing");
  return {
    url,
    publishUrl: values.publish,
    publishKey: values["publish-key"] ?? null,
    pid: values.pid === undefined ? null : Number(values.pid),
    identifier,
  };
}

function usage(text: string): ServerError {
  return new ServerError("bad_usage", text);
}
