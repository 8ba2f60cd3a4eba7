import type { Cableway } from "./cableway.ts";
import { until } from "./until.ts";

/** Applications that publish numbers over HTTP, one after the other each, through outages. `await using` ends them. */
export class HttpProducers {
  /** Numbers answered with 201. */
  readonly acknowledged: number[] = [];
  /** Numbers answered with 501, or not at all: they may have been taken. */
  readonly unknown: number[] = [];
  private readonly stream: string;
  private readonly work: Promise<unknown>;
  private isOver = false;
  private last = 0;
  private underWay = 0;
  private gate: Promise<void> = Promise.resolve();

  /** @param nodes one producer each publishes there, `pauseMs` between two */
  constructor(stream: string, nodes: readonly Cableway[], pauseMs = 2) {
    this.stream = stream;
    this.work = Promise.all(nodes.map((node) => this.produce(node, pauseMs)));
  }

  /** Ends after the numbers at hand. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
  }

  /** Begins no further number; resolves when those at hand are answered. @returns goes on */
  async pause(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gate = promise;
    await until("all numbers are answered", () => this.underWay === 0);
    return resolve;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async produce(node: Cableway, pauseMs: number): Promise<void> {
    while (!this.isOver) {
      await this.gate;
      const value = ++this.last;
      this.underWay += 1;
      const isTaken = await this.publish(node, value);
      this.underWay -= 1;
      (isTaken ? this.acknowledged : this.unknown).push(value);
      await Bun.sleep(isTaken ? pauseMs : 20);
    }
  }

  private async publish(node: Cableway, value: number): Promise<boolean> {
    const body = JSON.stringify({ stream: this.stream, data: `${value}` });
    try {
      const response = await node.fetch("/_broadcast", { method: "POST", body });
      return response.status === 201;
    } catch {
      // The node is gone; whether it had taken the number nobody knows.
      return false;
    }
  }
}
