import type { Encoder } from "../../ports/encoder.ts";
import { jsonEncoder } from "./json-encoder.ts";

/** What a WebSocket sub-protocol stands for: an encoding, with or without the extensions. */
export interface Subprotocol {
  readonly name: string;
  readonly encoder: Encoder;
  readonly isExtended: boolean;
}

/** What a client gets that asked for no sub-protocol we know. */
export const DEFAULT_SUBPROTOCOL: Subprotocol = {
  name: "actioncable-v1-json",
  encoder: jsonEncoder,
  isExtended: false,
};

/** The sub-protocols of Action Cable that the server speaks. Source: spec "protocol", 1.4. */
export const SUBPROTOCOLS: readonly Subprotocol[] = [
  DEFAULT_SUBPROTOCOL,
  { name: "actioncable-v1-ext-json", encoder: jsonEncoder, isExtended: true },
];
