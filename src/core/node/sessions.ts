import type { Session } from "../session/session.ts";

/**
 * The sessions that are let in and not yet gone, and who they are. Keyed by the session itself: sids and identifiers
 * come from outside and may repeat.
 */
export class Sessions {
  private readonly all = new Set<Session>();
  /** Mostly one session per identifiers, so a set is made only for the second. */
  private readonly byIdentifiers = new Map<string, Session | Set<Session>>();

  get size(): number {
    return this.all.size;
  }

  /** Distinct identifiers. */
  get distinct(): number {
    return this.byIdentifiers.size;
  }

  add(session: Session): void {
    this.all.add(session);
    const known = this.byIdentifiers.get(session.identifiers);
    if (known === undefined) this.byIdentifiers.set(session.identifiers, session);
    else if (known instanceof Set) known.add(session);
    else this.byIdentifiers.set(session.identifiers, new Set([known, session]));
  }

  /** @returns false when it was not there */
  remove(session: Session): boolean {
    if (!this.all.delete(session)) return false;
    const known = this.byIdentifiers.get(session.identifiers);
    if (known instanceof Set) {
      known.delete(session);
      if (known.size > 0) return true;
    }
    this.byIdentifiers.delete(session.identifiers);
    return true;
  }

  /** Every session with exactly these identifiers. */
  withIdentifiers(identifiers: string): readonly Session[] {
    const known = this.byIdentifiers.get(identifiers);
    if (known === undefined) return [];
    return known instanceof Set ? [...known] : [known];
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.all.values();
  }
}
