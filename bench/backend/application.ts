/** A command as either kind of RPC brings it; missing texts are empty. */
export interface RpcCommand {
  readonly command: string;
  readonly identifier: string;
  readonly data: string;
}

/** The parts of an answer the backend uses. */
export interface RpcAnswer {
  readonly identifiers: string;
  readonly streams: readonly string[];
  readonly transmissions: readonly string[];
}

/** The answer to Connect: everyone is welcome. */
export const WELCOME: RpcAnswer = {
  identifiers: '{"user":"bench"}',
  streams: [],
  transmissions: ['{"type":"welcome"}'],
};

const NOTHING: RpcAnswer = { identifiers: "", streams: [], transmissions: [] };

/** The answer to a Command: a subscription is confirmed and gets one stream, a message is echoed. */
export function answerCommand({ command, identifier, data }: RpcCommand): RpcAnswer {
  const quoted = JSON.stringify(identifier);
  if (command === "subscribe") {
    const confirmation = `{"identifier":${quoted},"type":"confirm_subscription"}`;
    return { ...NOTHING, streams: ["bench"], transmissions: [confirmation] };
  }
  if (command !== "message") return NOTHING;
  return { ...NOTHING, transmissions: [`{"identifier":${quoted},"message":${data}}`] };
}
