import { errorText } from "../../src/messages/server-error.ts";
import { Publisher } from "./publisher.ts";
import { type Measurement, NO_LOSS, type Scenario, type Target } from "./scenario.ts";
import { connectScenario } from "./scenarios/connect.ts";
import { fanoutScenario } from "./scenarios/fanout.ts";
import { performScenario } from "./scenarios/perform.ts";
import { presenceScenario } from "./scenarios/presence.ts";
import { publishScenario } from "./scenarios/publish.ts";
import { replayScenario } from "./scenarios/replay.ts";
import { steadyScenario } from "./scenarios/steady.ts";

/**
 * The load generator's process. Run as `bun bench/load/main.ts <target JSON> <scenario JSON>`; prints one line, the
 * measurement as JSON.
 */

async function withPublisher(
  target: Target,
  run: (publisher: Publisher) => Promise<Measurement>,
): Promise<Measurement> {
  const publisher = await Publisher.connect({ url: target.publishUrl, key: target.publishKey });
  try {
    return await run(publisher);
  } finally {
    publisher.close();
  }
}

function run(target: Target, scenario: Scenario): Promise<Measurement> {
  switch (scenario.kind) {
    case "connect":
      return connectScenario(target, scenario);
    case "fanout":
      return withPublisher(target, (publisher) => fanoutScenario(target, scenario, publisher));
    case "steady":
      return withPublisher(target, (publisher) => steadyScenario(target, scenario, publisher));
    case "perform":
      return performScenario(target, scenario);
    case "replay":
      return withPublisher(target, (publisher) => replayScenario(target, scenario, publisher));
    case "publish":
      return publishScenario(target, scenario);
    case "presence":
      return presenceScenario(target, scenario);
  }
}

function broken(error: unknown): Measurement {
  return { figures: {}, loss: NO_LOSS, failedClients: 0, failure: errorText(error) };
}

/** Without the figures nobody could measure, such as CPU time without a process: JSON has no NaN. */
function onlyFinite(measurement: Measurement): Measurement {
  const entries = Object.entries(measurement.figures);
  const figures = Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));
  return { ...measurement, figures };
}

// The arguments are written by the runner next door, from values of these types.
const target: Target = JSON.parse(process.argv[2] ?? "");
const scenario: Scenario = JSON.parse(process.argv[3] ?? "");
const measurement = await run(target, scenario).then(onlyFinite, broken);
process.stdout.write(`${JSON.stringify(measurement)}\n`, () => process.exit(0));
