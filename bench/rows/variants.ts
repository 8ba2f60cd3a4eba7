import { errorText } from "../../src/messages/server-error.ts";
import { sumLoss } from "../load/loss-checker.ts";
import type { Measurement, Scenario } from "../load/scenario.ts";
import { NO_LOSS } from "../load/scenario.ts";
import { SERVICES, type Service, type ServiceName, startService } from "../servers/services.ts";
import type { Subject } from "../servers/subject.ts";
import { onPublicServer } from "./on-server.ts";

/** One way to set up the server within a row that compares several. */
export interface Variant {
  /** Stands in front of its figures' names. */
  readonly name: string;
  readonly needs: ServiceName | null;
  /** @param port of the service; 0 when none is needed */
  readonly flags: (port: number) => readonly string[];
  readonly load: (port: number) => Scenario;
}

/** What a server says of a feature that is still to come. */
const NOT_BUILT = "is not built in yet";

/** Name of a variant's figure in the measurement of its row. */
export function figureKey(variant: string, key: string): string {
  return `${variant}: ${key}`;
}

/**
 * Measures all variants one after another, each on a server of its own, and puts them into one measurement. A variant without its
 * service, or not built into this server, has no figures; one that breaks names itself in the failure.
 */
export async function measureVariants(
  subject: Subject,
  variants: readonly Variant[],
): Promise<Measurement> {
  const services = new Services();
  const found: Measurement[] = [];
  try {
    for (const variant of variants) {
      const measurement = await measured(subject, variant, services);
      if (measurement) found.push(named(variant.name, measurement));
    }
  } finally {
    await services.stop();
  }
  return {
    figures: Object.assign({}, ...found.map(({ figures }) => figures)),
    loss: sumLoss(found.map(({ loss }) => loss)),
    failedClients: found.reduce((sum, { failedClients }) => sum + failedClients, 0),
    failure: found.find(({ failure }) => failure !== null)?.failure ?? null,
    hints: services.hints,
  };
}

async function measured(
  subject: Subject,
  { needs, flags, load }: Variant,
  services: Services,
): Promise<Measurement | null> {
  try {
    const port = needs === null ? 0 : await services.port(needs);
    if (port === null) return null;
    return await onPublicServer(subject, load(port), { flags: flags(port) });
  } catch (error) {
    const failure = errorText(error);
    if (failure.includes(NOT_BUILT)) return null;
    return { figures: {}, loss: NO_LOSS, failedClients: 0, failure };
  }
}

function named(name: string, measurement: Measurement): Measurement {
  const { figures, failure } = measurement;
  const entries = Object.entries(figures).map(([key, value]) => [figureKey(name, key), value]);
  return {
    ...measurement,
    figures: Object.fromEntries(entries),
    failure: failure === null ? null : `${name}: ${failure}`,
  };
}

/** The services of a row, each started when it is first asked for. */
class Services {
  readonly #running = new Map<ServiceName, Service>();
  readonly #missing = new Set<ServiceName>();

  /** How to get what is missing. */
  get hints(): readonly string[] {
    return [...this.#missing].map((name) => SERVICES[name]);
  }

  /** @returns null when it is not installed */
  async port(name: ServiceName): Promise<number | null> {
    const known = this.#running.get(name);
    if (known) return known.port;
    if (this.#missing.has(name)) return null;
    const service = await startService(name);
    if (service) this.#running.set(name, service);
    else this.#missing.add(name);
    return service?.port ?? null;
  }

  async stop(): Promise<void> {
    for (const service of this.#running.values()) await service.stop();
  }
}
