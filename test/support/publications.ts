import type { Publication, PublicationMeta } from "../../src/messages/publication.ts";

/** A publication as an application sends it: without options and position, unless given. */
export function publication(
  stream: string,
  data: string,
  rest: Partial<Pick<Publication, "meta" | "offset" | "epoch">> = {},
): Publication {
  return { stream, data, meta: null, offset: 0, epoch: "", ...rest };
}

/** Delivery options, none unless given. */
export function meta(given: Partial<PublicationMeta>): PublicationMeta {
  return { excludeSocket: "", broadcastType: "", transient: false, ...given };
}

/** A name nobody else uses: services that adapters talk to are shared between tests. */
export function uniqueStream(prefix = "chat"): string {
  return `${prefix}/${crypto.randomUUID()}`;
}
