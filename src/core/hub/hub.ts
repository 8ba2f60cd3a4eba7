import type { Frame } from "../../messages/frame.ts";
import type { Publication } from "../../messages/publication.ts";
import type { Encoder } from "../../ports/encoder.ts";
import type { Log } from "../../ports/log.ts";
import type { Counter } from "../../ports/metrics.ts";
import type { Subscriber } from "../../ports/subscriber.ts";
import { embedData } from "./embed.ts";
import type { Group } from "./group.ts";
import { StreamGroups } from "./stream-groups.ts";

/**
 * Who on this node listens to which stream, and the way of a publication to them: encoded once per group, queued
 * at each subscriber. Order per stream and subscriber is the order of the calls.
 */
export class Hub {
  private readonly streams = new Map<string, StreamGroups>();
  private readonly broadcasts: Counter;
  private readonly log: Log;

  constructor(deps: { readonly broadcasts: Counter; readonly log: Log }) {
    this.broadcasts = deps.broadcasts;
    this.log = deps.log;
  }

  /** Streams with at least one subscriber. */
  get streamCount(): number {
    return this.streams.size;
  }

  /** @returns false when it was subscribed already */
  subscribe(subscriber: Subscriber, identifier: string, stream: string): boolean {
    let groups = this.streams.get(stream);
    if (groups === undefined) {
      groups = new StreamGroups();
      this.streams.set(stream, groups);
    }
    const group = groups.find(subscriber.encoder, identifier);
    if (group !== undefined) return group.add(subscriber);
    groups.add(subscriber.encoder, identifier, subscriber);
    return true;
  }

  /** @returns false when it was not subscribed */
  unsubscribe(subscriber: Subscriber, identifier: string, stream: string): boolean {
    const groups = this.streams.get(stream);
    const group = groups?.find(subscriber.encoder, identifier);
    if (groups === undefined || group === undefined) return false;
    if (!group.remove(subscriber)) return false;
    if (group.isEmpty) groups.remove(group);
    if (groups.groups.length === 0) this.streams.delete(stream);
    return true;
  }

  /** Queues the publication at every subscriber of its stream but the excluded one. */
  deliver(publication: Publication): void {
    this.broadcasts.add();
    const groups = this.streams.get(publication.stream);
    if (groups === undefined) {
      if (this.log.isDebug) this.log.debug("no sessions", { stream: publication.stream });
      return;
    }
    if (this.log.isDebug) this.log.debug("schedule broadcast", { stream: publication.stream });
    const message = embedData(publication.data);
    const excluded = publication.meta?.excludeSocket ?? "";
    for (const group of groups.groups) {
      // A client may have any number of identifiers on the stream it whispers to: none may cost an encoding for nobody.
      if (excluded !== "" && !hasOthers(group, excluded)) continue;
      const frame = encodePublication(group.encoder, group.identifier, publication, message);
      if (excluded === "") deliverToAll(group, frame);
      else deliverToOthers(group, frame, excluded);
    }
  }
}

/**
 * The frame that carries a publication to one identifier.
 * @param message the publication's data as JSON text, see `embedData`
 */
export function encodePublication(
  encoder: Encoder,
  identifier: string,
  publication: Publication,
  message: string,
): Frame {
  return encoder.encode({
    type: "publication",
    identifier,
    message,
    broadcastType: publication.meta?.broadcastType ?? "",
    stream: publication.stream,
    epoch: publication.epoch,
    offset: publication.offset,
  });
}

/** Two loops: each is compiled for its kind of collection. */
function deliverToAll(group: Group, frame: Frame): void {
  const { subscribers } = group;
  if (subscribers instanceof Set) for (const subscriber of subscribers) subscriber.deliver(frame);
  else for (const subscriber of subscribers) subscriber.deliver(frame);
}

function hasOthers(group: Group, excludedSid: string): boolean {
  for (const subscriber of group.subscribers) if (subscriber.sid !== excludedSid) return true;
  return false;
}

function deliverToOthers(group: Group, frame: Frame, excludedSid: string): void {
  for (const subscriber of group.subscribers) {
    if (subscriber.sid !== excludedSid) subscriber.deliver(frame);
  }
}
