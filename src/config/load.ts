import { errorText } from "../messages/server-error.ts";
import { buildSettings } from "./build-settings.ts";
import { parseCommandLine, type UsageError } from "./command-line.ts";
import { chooseConfigFile, type Files, readConfigFile } from "./config-file.ts";
import { derive } from "./derive.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { helpText } from "./help.ts";
import { notBuiltYet } from "./not-built-yet.ts";
import { settingNotes } from "./notes.ts";
import { type OpenOptions, type OptionLayer, type OptionOrigins, overlay } from "./option-set.ts";
import { applyPresets, choosePresets, type RandomId } from "./presets.ts";
import { printedConfig } from "./print-config.ts";
import type { Settings } from "./settings.ts";
import { type FileOptions, parseTomlOptions } from "./toml-options.ts";
import { invalidChoice, invalidLogging } from "./validate.ts";
import { VERSION } from "./version.ts";

/** Where the configuration comes from. */
export interface LoadInput {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly files: Files;
  readonly now: () => Date;
  readonly random: RandomId;
}

/** The process is to print this and end. */
export interface Exit {
  readonly kind: "exit";
  readonly code: 0 | 1;
  readonly stdout: string;
  readonly stderr: string;
}

/** The server is to run. */
export interface Run {
  readonly kind: "run";
  readonly settings: Settings;
  /** Plain lines for standard output before anything else, several lines each. */
  readonly warnings: readonly string[];
  /** Warnings for the log, after the start line. */
  readonly notes: readonly string[];
  readonly presets: readonly string[];
  /** The file that was read, as given. */
  readonly configFile: string | null;
}

/** What is to be done. */
export type LoadResult = Exit | Run;

/**
 * Puts the configuration together: command line over environment over file over defaults, then what follows from
 * these, then presets. Never throws for anything a user wrote. Source: spec "config".
 */
export function loadConfig(input: LoadInput): LoadResult {
  const fromEnv = readEnvironment(input.env);
  if (!fromEnv.ok) return usageError(fromEnv.error, input.now());
  const line = parseCommandLine(input.argv);
  if (!line.ok) return usageError(line.error, input.now());
  if (line.layer.get("help") === true) return help(line.word, input.now());
  if (line.layer.get("version") === true) return exit(0, `${VERSION}\n`);

  const path = configPath(line.layer, input.files);
  const file = readFile(path, input.files);
  if (!file.ok) return exit(1, "", dated(file.message, input.now()));

  const environment = new Map([...fromEnv.layer].filter(([key]) => !line.emptied.has(key)));
  const layers = { file: file.options.layer, environment, flag: line.layer };
  return settle(input, layers, file.options, path);
}

interface Layers {
  readonly file: OptionLayer;
  readonly environment: OptionLayer;
  readonly flag: OptionLayer;
}

function settle(
  input: LoadInput,
  layers: Layers,
  file: FileOptions,
  configFile: string | null,
): LoadResult {
  const options = overlay([layers.file, layers.environment, layers.flag]);
  const origins = originsOf(layers);
  const { keys, warnings } = derive(options);
  if (options["print-config"]) {
    return exit(0, `${lines(warnings)}${printedConfig(options, origins)}`);
  }
  const problem = invalidLogging(options) ?? finish(input, options, origins);
  if (typeof problem === "string") return exit(1, lines([...warnings, problem]));
  return {
    kind: "run",
    settings: buildSettings({
      options,
      origins,
      keys,
      connections: file.connections,
      env: input.env,
      random: input.random,
    }),
    warnings,
    notes: settingNotes(options, file.unknownKeys),
    presets: problem.presets,
    configFile,
  };
}

/** Applies presets and looks at every choice once more. */
function finish(
  input: LoadInput,
  options: OpenOptions,
  origins: OptionOrigins,
): string | { readonly presets: readonly string[] } {
  const presets = choosePresets(options.presets, origins.has("presets"), input.env);
  try {
    applyPresets(presets, options, input.env, input.random);
  } catch (error) {
    return errorText(error);
  }
  return invalidChoice(options) ?? notBuiltYet(options) ?? { presets };
}

function configPath(flags: OptionLayer, files: Files): string | null {
  if (flags.get("ignore-config-path") === true) return null;
  const given = flags.get("config-path");
  return chooseConfigFile(typeof given === "string" ? given : null, files);
}

function readFile(
  path: string | null,
  files: Files,
):
  | { readonly ok: true; readonly options: FileOptions }
  | { readonly ok: false; readonly message: string } {
  try {
    const text = path === null ? "" : readConfigFile(path, files);
    return { ok: true, options: parseTomlOptions(text) };
  } catch (error) {
    return { ok: false, message: errorText(error) };
  }
}

function originsOf(layers: Layers): OptionOrigins {
  return new Map([
    ...[...layers.file.keys()].map((key) => [key, "file"] as const),
    ...[...layers.environment.keys()].map((key) => [key, "environment"] as const),
    ...[...layers.flag.keys()].map((key) => [key, "flag"] as const),
  ]);
}

function help(word: string | null, now: Date): Exit {
  if (word === null) return exit(0, helpText());
  return exit(1, "", dated(`No help topic for '${word}'`, now));
}

function usageError(error: UsageError, now: Date): Exit {
  const stdout = `Incorrect Usage: ${error.message}\n\n${helpText()}${error.hint}\n`;
  return exit(1, stdout, dated(error.message, now));
}

function exit(code: 0 | 1, stdout: string, stderr = ""): Exit {
  return { kind: "exit", code, stdout, stderr };
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

function dated(message: string, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  return `${day} ${time} ${message}\n`;
}
