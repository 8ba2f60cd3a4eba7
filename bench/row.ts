import type { Measurement } from "./load/scenario.ts";
import type { Subject } from "./servers/subject.ts";

/** A line that is not to be crossed; DESIGN.md section 3. */
export type Budget =
  | { readonly atMost: number }
  | { readonly atLeast: number }
  /** At most so many times the floor's figure of the same run. */
  | { readonly atMostFloor: number };

/** One line of the table: a figure of a row's measurement. */
export interface Figure {
  /** Name in `Measurement.figures`. */
  readonly key: string;
  readonly label: string;
  /** Shown behind the number; the number is divided by `per` first. */
  readonly unit: string;
  readonly per: number;
  /** Null for a figure that is only compared. */
  readonly budget: Budget | null;
  /** Another figure of the same measurement that stands in the floor's place. */
  readonly against?: string;
  /** A further figure, shown behind the line with this text. */
  readonly detail?: { readonly key: string; readonly text: string };
}

/** One workload: a file in `rows/`. */
export interface Row {
  /** Words by which the row is chosen on the command line. */
  readonly name: string;
  /** Clients it holds at once; the descriptor limit must allow for them. */
  readonly clients: number;
  readonly figures: readonly Figure[];
  /** How often it is measured, floor and servers in turn; the median counts. For figures held against the floor. */
  readonly passes: number;
  /** Puts the workload on `subject`; null when the subject cannot take it. */
  measure(subject: Subject): Promise<Measurement | null>;
  /** What takes the place of the floor server; null for a row without floor, absent when it is the floor server. */
  readonly floor?: (() => Promise<Measurement>) | null;
}
