import { variablesOf } from "../src/config/environment.ts";
import { NOT_BUILT_YET } from "../src/config/not-built-yet.ts";
import { OPTION_TABLE, type OptionRow } from "../src/config/option-table.ts";

/** Writes docs/configuration.md from the option table: `bun scripts/config-docs.ts`. */

const INTRO = `# Configuration

<!-- Made by scripts/config-docs.ts from src/config/option-table.ts; a test fails when it is out of date. -->

Every setting may be given as a flag, an environment variable or a key of a TOML file. Flags win over variables, variables
over the file, the file over the defaults. The file is the one named by \`--config-path\`, else \`./anycable.toml\`, else
\`/etc/anycable/anycable.toml\`; \`--ignore-config-path\` reads none. Names, variables and keys are those of anycable-go, so what
configures it configures Cableway.

- \`cableway --help\` lists the options, \`cableway --print-config\` prints the settings in effect as a TOML file.
- Flags take one dash or two, \`--port 9000\` or \`--port=9000\`; \`_\` and \`-\` in names are the same. The first word that is
  no flag ends the flags: write \`--debug=false\`, not \`--debug false\`.
- Lists are texts separated by commas, without spaces, in flags and variables, and arrays in TOML; tags are \`name:value\` pairs,
  and a table in TOML.
- An empty variable is an empty text, \`false\`, or, for numbers and lists, not given.
- Unknown keys of the file are reported in the log and otherwise ignored.
- A component may have a Redis or NATS connection of its own, in the file only: \`[redis_stream_broadcast.redis]\`,
  \`[redis_pubsub_broadcast.redis]\`, \`[redis_pubsub.redis]\`, \`[nats_broadcast.nats]\`, \`[nats_pubsub.nats]\`, with the keys of
  \`[redis]\` and \`[nats]\`. It starts from empty and zero values, not from the defaults.

## Secrets

\`--secret\` is enough: signed streams, JWT and Pusher use it as it is, and the bearer tokens of publications, of the REST API and of
HTTP RPC are derived from it, as the lower-case hex HMAC-SHA256 of \`broadcast-cable\`, \`api-cable\` and \`rpc-cable\`. Each has an
option of its own that wins; the value \`none\` switches one off (not for the REST API). Publications over HTTP use the main port
when they are guarded by a token, else 8090.

## Presets

\`--presets\` replaces defaults in one go: \`fly\` and \`heroku\` (both found by themselves), \`broker\`. \`--presets=none\` prevents that.
`;

const TYPES: { readonly [Type in OptionRow["type"]]: string } = {
  string: "text",
  bool: "bool",
  int: "integer",
  uint: "integer",
  list: "list",
  tags: "tags",
};

/** The whole page. */
export function configurationPage(): string {
  const categories = new Set(OPTION_TABLE.map((row) => row.category ?? "GENERAL"));
  const sections = [...categories].map((category) => {
    const rows = OPTION_TABLE.filter((row) => (row.category ?? "GENERAL") === category);
    return [
      `\n## ${category}\n`,
      "| Flag | Variable | TOML | Type | Default | Meaning |",
      "|---|---|---|---|---|---|",
      ...rows.map(tableRow),
    ].join("\n");
  });
  return `${INTRO}${notBuilt()}${sections.join("\n")}\n`;
}

function notBuilt(): string {
  if (NOT_BUILT_YET.length === 0) return "";
  const lines = NOT_BUILT_YET.map(
    ({ option }) => `- ${code(`--${OPTION_TABLE.find((row) => row.key === option)?.flag}`)}`,
  );
  return `\n## Not built in yet\n\nSwitching on one of these stops the start:\n\n${lines.join("\n")}\n`;
}

function tableRow(row: OptionRow): string {
  const flags = row.flag === null ? [] : [row.flag, ...(row.aliases ?? [])];
  const cells = [
    [...flags.map((flag) => code(`--${flag}`)), ...(row.short ? [code(`-${row.short}`)] : [])].join(
      ", ",
    ),
    variablesOf(row).map(code).join(", "),
    row.isFlagOnly === true ? "" : code(row.key),
    TYPES[row.type],
    defaultText(row),
    meaning(row),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function defaultText(row: OptionRow): string {
  if (row.defaultText !== undefined) return row.defaultText;
  const value = Array.isArray(row.default) ? row.default.join(",") : String(row.default);
  return value === "" ? "" : code(value);
}

function meaning(row: OptionRow): string {
  return [
    row.usage,
    ...(row.unit === undefined ? [] : [`unit: ${row.unit}`]),
    ...(row.values === undefined ? [] : [`one of ${row.values.map(code).join(", ")}`]),
    ...(row.deprecated === undefined ? [] : [`**deprecated**: ${row.deprecated}`]),
  ].join("; ");
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) await Bun.write("docs/configuration.md", configurationPage());
