/** Delivery options of a publication. Empty strings and `false` mean "not given". */
export interface PublicationMeta {
  /** sid of the session that must not get it. */
  readonly excludeSocket: string;
  /** Becomes `type` of the message to clients; `presence` is the server's own use. */
  readonly broadcastType: string;
  /** Neither stored nor given a position. */
  readonly transient: boolean;
}

/**
 * Where a publication comes from, given by broadcasters that may hand the same one over again because nobody knows what
 * became of it. `id` is its own; `isRepeated`: somebody may have had it before.
 */
export interface PublicationSource {
  readonly id: string;
  readonly isRepeated: boolean;
}

/**
 * One message for one stream. Plain data: it crosses nodes and threads.
 *
 *     {"stream":"chat/42","data":"{\"text\":\"hi\"}","meta":{"exclude_socket":"x1"}}
 *
 * `data` is text, normally JSON. `offset` 0 and `epoch` "" mean "no position".
 * Source: spec "messaging", section 2.
 */
export interface Publication {
  readonly stream: string;
  readonly data: string;
  readonly meta: PublicationMeta | null;
  readonly offset: number;
  readonly epoch: string;
}
