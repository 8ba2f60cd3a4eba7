import { posix } from "node:path";

/** Who may import whom: the map of STYLE.md, A4. A room without an entry is unknown and may import nothing. */
const ALLOWED: ReadonlyMap<string, readonly string[]> = new Map([
  ["messages", []],
  ["ports", ["messages"]],
  ["core/hub", ["messages", "ports"]],
  ["core/session", ["messages", "ports"]],
  ["core/node", ["messages", "ports", "core/hub", "core/session"]],
  ["clients", ["messages", "ports"]],
  ["metrics", ["messages", "ports"]],
  ["log", ["messages", "ports"]],
  ["controllers", ["messages", "ports"]],
  ["broker", ["messages", "ports", "clients"]],
  ["presence", ["messages", "ports", "clients"]],
  ["pubsub", ["messages", "ports", "clients"]],
  ["broadcast", ["messages", "ports", "clients"]],
  ["transports", ["messages", "ports"]],
  ["protocols", ["messages", "ports"]],
  ["api", ["messages", "ports"]],
  ["config", ["messages"]],
  ["main", ["app", "config"]],
]);

/** The room that wires all the others. */
const ROOT_ROOM = "app";

/** Rooms of which each folder is one of several of a kind. */
const FAMILIES = ["api", "broadcast", "broker", "clients", "controllers", "presence", "protocols"]
  .concat(["pubsub", "transports"])
  .map((family) => `src/${family}/`);

const MAY_IMPORT_PROTOS = ["src/controllers/rpc/", "src/protocols/actioncable/"];

const STATIC_IMPORT = /^(?:import|export)\b[\w\s{},*$]*?(?:\bfrom\s*)?["']([^"'\n]+)["']/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*["'`]([^"'`\n]+)["'`]/g;

/** Sources by path from the project root, `src/main.ts`. */
export type SourceTree = ReadonlyMap<string, string>;

/** Specifiers of all imports and re-exports, type-only and dynamic ones included, in order of kind, then place. */
export function importsOf(source: string): readonly string[] {
  return [...source.matchAll(STATIC_IMPORT), ...source.matchAll(DYNAMIC_IMPORT)].map(
    (match) => match[1] ?? "",
  );
}

/** Every break of the map, as one line each; empty when there is none. */
export function breaches(tree: SourceTree): readonly string[] {
  const graph = importGraph(tree);
  const found: string[] = [];
  for (const [path, targets] of graph) {
    if (posix.basename(path) === "index.ts") found.push(`${path}: barrels are not allowed`);
    for (const target of targets) {
      const reason = refusal(path, target, tree);
      if (reason !== null) found.push(`${path} → ${target}: ${reason}`);
    }
  }
  return [...found, ...cycles(graph)];
}

type Graph = ReadonlyMap<string, readonly string[]>;

function importGraph(tree: SourceTree): Graph {
  const resolved = [...tree].map(([path, source]) => {
    const relative = importsOf(source).filter((specifier) => specifier.startsWith("."));
    const targets = relative.map((specifier) => posix.join(posix.dirname(path), specifier));
    return [path, targets] as const;
  });
  return new Map(resolved);
}

function refusal(path: string, target: string, tree: SourceTree): string | null {
  if (target.startsWith("protos/")) return protosRefusal(path);
  if (!target.startsWith("src/")) {
    return /^(?:test|bench)\//.test(target) ? "the product does not know its tests" : null;
  }
  if (/\.[jt]s$/.test(target) ? !tree.has(target) : posix.extname(target) === "") {
    return "no such file, imports name it in full";
  }
  return roomRefusal(path, target) ?? siblingRefusal(path, target);
}

function protosRefusal(path: string): string | null {
  const isAllowed = MAY_IMPORT_PROTOS.some((folder) => path.startsWith(folder));
  return isAllowed ? null : `generated code is for ${MAY_IMPORT_PROTOS.join(" and ")}`;
}

function roomRefusal(path: string, target: string): string | null {
  const [room, targetRoom] = [roomOf(path), roomOf(target)];
  if (room === targetRoom || room === ROOT_ROOM) return null;
  const allowed = ALLOWED.get(room);
  if (allowed === undefined) return `${room} is no room of the map`;
  return allowed.includes(targetRoom) ? null : `${room} may not import ${targetRoom}`;
}

/** `src/transports/sse/endpoint.ts` is of the member `src/transports/sse/`; files in a family's root are of none. */
function siblingRefusal(path: string, target: string): string | null {
  const [member, targetMember] = [memberOf(path), memberOf(target)];
  if (member === null || targetMember === null || member === targetMember) return null;
  const isOneFamily = posix.dirname(member) === posix.dirname(targetMember);
  return isOneFamily ? "members of a family do not import each other" : null;
}

function memberOf(path: string): string | null {
  const family = FAMILIES.find((folder) => path.startsWith(folder));
  if (family === undefined) return null;
  const [member, file] = path.slice(family.length).split("/");
  return file === undefined ? null : `${family}${member}`;
}

/** `src/core/hub/group.ts` → `core/hub`, `src/broker/memory.ts` → `broker`, `src/main.ts` → `main`. */
function roomOf(path: string): string {
  const parts = path.replace(/^src\//, "").split("/");
  if (parts.length === 1) return posix.basename(path, ".ts");
  return parts[0] === "core" && parts.length > 2 ? `core/${parts[1]}` : (parts[0] ?? "");
}

/** One line per way back found; each file is walked once. */
function cycles(graph: Graph): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`${[...trail.slice(start), path].join(" → ")}: a cycle`);
    if (start >= 0 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}
