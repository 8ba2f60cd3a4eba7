import type { StreamSettings } from "../../clients/nats/jetstream.ts";
import type { StreamRule } from "../../messages/stream-rules.ts";
import { historyStreamName } from "./stream-name.ts";

/** How much of a stream is kept: messages, and seconds. */
export interface HistoryLimits {
  readonly limit: number;
  readonly ttlS: number;
}

/** @returns null: the stream keeps no history */
export function limitsOf(rule: StreamRule | null, defaults: HistoryLimits): HistoryLimits | null {
  if (rule?.history === false) return null;
  return { limit: rule?.historyLimit ?? defaults.limit, ttlS: rule?.historyTtlS ?? defaults.ttlS };
}

/** The longest life a message can have under these rules, in seconds. */
export function longestTtlS(rules: readonly StreamRule[], defaultS: number): number {
  return Math.max(defaultS, ...rules.map((rule) => rule.historyTtlS ?? 0));
}

/** JetStream takes 0 for "no limit": nothing is kept as one message, and not shown; no life is one second. */
export function streamSettings(
  stream: string,
  { limit, ttlS }: HistoryLimits,
  replicas: number,
): StreamSettings {
  const name = historyStreamName(stream);
  return {
    name,
    subjects: [name],
    maxMessages: Math.max(1, limit),
    maxMessagesPerSubject: -1,
    maxAgeMs: Math.max(1, ttlS) * 1000,
    replicas,
    isBucket: false,
  };
}
