import type { Log } from "../../ports/log.ts";

/** A line of the server: `[24694] [INF] Server is ready`. */
export interface ServerLogLine {
  /** `INF`, `DBG`, `TRC`, `WRN`, `ERR`, `FTL`; empty for a line that is no record. */
  readonly level: string;
  readonly text: string;
}

/** Reads a line, with or without the time. */
export function parseServerLine(line: string): ServerLogLine {
  const match = /^\[\d+\] (?:\d\S* \d\S* )?\[([A-Z]{3})\] (.*)$/.exec(line);
  return match === null
    ? { level: "", text: line }
    : { level: match[1] ?? "", text: match[2] ?? "" };
}

/** Passes a line on: notices as info, what is finer as debug. */
export function forward({ level, text }: ServerLogLine, log: Log): void {
  if (text.trim() === "") return;
  if (level === "ERR" || level === "FTL") log.error(text);
  else if (level === "WRN") log.warn(text);
  else if (level === "DBG" || level === "TRC") log.debug(text);
  else log.info(text);
}

/** Cuts bytes into lines; what is after the last newline waits for more. Lines over 64 KB are cut. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, MAX_LINE_CHARACTERS);
    for (const line of lines) this.#onLine(line);
  }

  end(): void {
    if (this.#rest !== "") this.#onLine(this.#rest);
    this.#rest = "";
  }
}

const MAX_LINE_CHARACTERS = 65_536;
