import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** In the folder: `<pid namespace> <pid>` of the process that will remove it. */
const OWNER = "owner";

/**
 * Makes a folder that this process removes at its end, and removes those beside it whose process was killed before it
 * could. Fails silently: the server that is to store there says why it cannot.
 */
export function claimFolder(folder: string): void {
  try {
    removeLeftovers(dirname(folder));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, OWNER), `${pidNamespace()} ${process.pid}`);
  } catch {
    // See above.
  }
}

function removeLeftovers(parent: string): void {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name);
    if (isAbandoned(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Only what is surely ours and dead: pids say nothing about processes of other containers that share the folder. */
function isAbandoned(folder: string): boolean {
  try {
    const status = lstatSync(folder);
    if (!status.isDirectory() || status.uid !== process.getuid?.()) return false;
    const [namespace, pid] = readFileSync(join(folder, OWNER), "utf8").split(" ");
    return namespace === pidNamespace() && pid !== undefined && !existsSync(`/proc/${pid}`);
  } catch {
    // Nobody's, or somebody else's.
    return false;
  }
}

/** @throws where there are no such namespaces */
function pidNamespace(): string {
  return readlinkSync("/proc/self/ns/pid");
}
