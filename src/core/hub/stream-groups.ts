import type { Encoder } from "../../ports/encoder.ts";
import type { Subscriber } from "../../ports/subscriber.ts";
import { Group } from "./group.ts";

/** Most streams have a group or two, some have one per client: only those get an index. */
const MAX_UNINDEXED = 8;

/** The groups of one stream. */
export class StreamGroups {
  /** For loops only: the order says nothing. */
  readonly groups: Group[] = [];
  private index: Map<string, Group> | null = null;

  find(encoder: Encoder, identifier: string): Group | undefined {
    if (this.index !== null) return this.index.get(groupKey(encoder, identifier));
    return this.groups.find(
      (group) => group.identifier === identifier && group.encoder === encoder,
    );
  }

  add(encoder: Encoder, identifier: string, first: Subscriber): void {
    const group = new Group(identifier, encoder, first);
    this.groups.push(group);
    this.index?.set(groupKey(encoder, identifier), group);
    if (this.index === null && this.groups.length > MAX_UNINDEXED) this.buildIndex();
  }

  /** Costs a search through the groups: they leave one by one, with their last subscriber. */
  remove(group: Group): void {
    this.index?.delete(groupKey(group.encoder, group.identifier));
    const last = this.groups.pop();
    if (last === undefined || last === group) return;
    this.groups[this.groups.indexOf(group)] = last;
  }

  private buildIndex(): void {
    this.index = new Map(
      this.groups.map((group) => [groupKey(group.encoder, group.identifier), group]),
    );
  }
}

/** Encoder ids hold no blank, so the key says both parts without doubt. */
export function groupKey(encoder: Encoder, identifier: string): string {
  return `${encoder.id} ${identifier}`;
}
