import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Where a child process writes. A file without a name: of many pipes read at the same time, the runtime
 * sometimes never tells the end of one (Bun 1.4.5, a child in forty).
 */
export class OutputFile {
  /** To be handed to the child. */
  readonly fd: number;
  private readonly decoder = new TextDecoder();
  private seen = "";
  private position = 0;
  private isClosed = false;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), "cableway-output-"));
    this.fd = openSync(join(folder, "output"), "w+");
    rmSync(folder, { recursive: true });
  }

  /** Everything written so far. */
  get text(): string {
    if (!this.isClosed) this.read();
    return this.seen;
  }

  /** Reads the rest; the child has ended. */
  close(): void {
    if (this.isClosed) return;
    this.read();
    this.isClosed = true;
    closeSync(this.fd);
  }

  private read(): void {
    const left = fstatSync(this.fd).size - this.position;
    if (left <= 0) return;
    const bytes = Buffer.alloc(left);
    const count = readSync(this.fd, bytes, 0, left, this.position);
    this.position += count;
    this.seen += this.decoder.decode(bytes.subarray(0, count), { stream: true });
  }
}
