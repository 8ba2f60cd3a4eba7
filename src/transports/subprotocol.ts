import type { Encoder } from "../ports/encoder.ts";

/** A sub-protocol a transport can offer: its name on the wire, its encoding, and whether it has the extensions. */
export interface Subprotocol {
  readonly name: string;
  readonly encoder: Encoder;
  readonly isExtended: boolean;
}
