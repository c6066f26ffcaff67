/** Random programs for printed modules, and how closely these must agree with the reference. */
import * as fc from "fast-check";
import { randomPrograms } from "../../compile/random-cell.ts";
import { tolerance } from "../../compile/tolerances.ts";
import { compile } from "../../semantics/sources.ts";
import { Parity, type ParityErrors, type ParityOptions } from "./parity.ts";

export interface Case {
  readonly name: string;
  readonly text: string;
  readonly make: (options: Partial<ParityOptions>) => Parity;
  readonly batch: number;
  readonly time: number;
}

/** Random programs under a seed. */
export function random(seed: number, runs: number): readonly Case[] {
  const of = fc.oneof(randomPrograms({ lines: 3, states: 2 }), randomPrograms({ lines: 7, states: 3 }));
  return fc.sample(of, { seed, numRuns: runs }).map(({ text, entry, D, H, batch, time }, n) => ({
    ...{ name: `random ${seed}/${n}`, text, batch, time },
    make: (options) => {
      const { graph, dims } = compile(text, { entry, dims: { D, H } });
      return new Parity(graph, { dims, isCell: entry !== "m", batch, time, ...options });
    },
  }));
}

/** Full and shorter sequences: as many as there are examples. */
const lengths = ({ batch, time }: Case): readonly number[] =>
  Array.from({ length: batch }, (_, b) => (b === 0 ? time : 1 + ((7 * b) % time)));

/** What is compared. */
export const ways: readonly { readonly name: string; readonly options: (one: Case) => Partial<ParityOptions> }[] = [
  { name: "as they are, and under TorchScript", options: () => ({ script: true }) },
  {
    name: "sequences of several lengths, and under TorchScript",
    options: (one) => ({ lengths: lengths(one), script: true }),
  },
  { name: "for several processes, in one", options: (one) => ({ lengths: lengths(one), distributed: true }) },
];

/** By how many units of f64's precision two computations may differ, beside how far a rounding error grows in the program. */
const UNITS = 1e-13;

/** Where norms follow norms, each divides rounding errors by another standard deviation. */
export function isClose(errors: ParityErrors, parity: Parity): boolean {
  const worst = Math.max(...(Object.values(errors) as number[]));
  return worst < tolerance.pytorch || worst < UNITS * parity.amplification();
}
