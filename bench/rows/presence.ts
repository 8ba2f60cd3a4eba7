import type { PresenceLoad } from "../load/scenario.ts";
import type { Figure, Row } from "../row.ts";
import { figureKey, measureVariants, type Variant } from "./variants.ts";

const MEMBERS = 1_000;
const MEMORY = "memory";
const REDIS = "redis";

/** Short, so that everybody is refreshed once a second. */
const TTL = "--presence_ttl=2";

const VARIANTS: readonly Variant[] = [
  { name: MEMORY, needs: null, flags: () => ["--broker=memory", TTL], load },
  {
    name: REDIS,
    needs: "redis",
    flags: (port) => ["--broker=redis", `--redis_url=redis://127.0.0.1:${port}`, TTL],
    load,
  },
];

/** What 1 000 members of one stream cost: their coming, being listed, and staying. Redis against memory. */
export const presenceRow: Row = {
  name: "presence",
  clients: MEMBERS,
  figures: [
    ...both("joinsPerCpuSecond", "1 000 join, all told of all, joins per CPU-s"),
    ...both("infosPerCpuSecond", "list of 1 000 members, answers per CPU-s"),
    alive(MEMORY),
    alive(REDIS),
  ],
  passes: 1,
  measure: (subject) => measureVariants(subject, VARIANTS),
  floor: null,
};

function both(key: string, label: string): Figure[] {
  const against = figureKey(MEMORY, key);
  return [MEMORY, REDIS].map((variant) => ({
    key: figureKey(variant, key),
    label: `${label}, ${variant}`,
    unit: "",
    per: 1,
    budget: null,
    against,
  }));
}

/** Against the same clients before they joined. */
function alive(variant: string): Figure {
  return {
    key: figureKey(variant, "aliveCpuMsPerSecond"),
    label: `1 000 members kept alive, CPU per second, ${variant}`,
    unit: "ms",
    per: 1,
    budget: null,
    against: figureKey(variant, "idleCpuMsPerSecond"),
  };
}

function load(): PresenceLoad {
  return {
    kind: "presence",
    members: MEMBERS,
    rounds: 3,
    warmupRounds: 1,
    questions: 1_000,
    aliveSeconds: 5,
  };
}
