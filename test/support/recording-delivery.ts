import type { Publication } from "../../src/messages/publication.ts";
import type { RemoteCommand } from "../../src/messages/remote-command.ts";
import type { Delivery } from "../../src/ports/delivery.ts";

const PATIENCE_MS = 4000;

/** A node that keeps what arrives, in order, and lets tests wait for it. */
export class RecordingDelivery implements Delivery {
  readonly publications: Publication[] = [];
  readonly commands: RemoteCommand[] = [];
  private waiting: (() => void)[] = [];

  deliver(publication: Publication): void {
    this.publications.push(publication);
    this.wake();
  }

  command(remote: RemoteCommand): void {
    this.commands.push(remote);
    this.wake();
  }

  /** Everything that has arrived once there are at least `count` publications; rejects after 4 s. */
  publicationsReach(count: number): Promise<readonly Publication[]> {
    return this.until(`${count} publications`, this.publications, count);
  }

  /** Everything that has arrived once there are at least `count` commands; rejects after 4 s. */
  commandsReach(count: number): Promise<readonly RemoteCommand[]> {
    return this.until(`${count} commands`, this.commands, count);
  }

  private async until<T>(what: string, list: readonly T[], count: number): Promise<readonly T[]> {
    const deadline = Date.now() + PATIENCE_MS;
    while (list.length < count) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`waited for ${what}, got ${JSON.stringify(list)}`);
      await this.next(leftMs);
    }
    return [...list];
  }

  private next(leftMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resume of waiting) resume();
  }
}
