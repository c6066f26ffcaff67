import { type DrawNoise, drawNoise } from "./draw-noise.ts";
import { type HyperAt, hyperAt } from "./hyper.ts";
import { type Ragged, ragged } from "./lengths.ts";

/** What fills the tensors of `input` that no batch has. A module names what its plan needs, so that a bundle has nothing else. */
export interface Fillers {
  /** Who draws the numbers of noise. */
  readonly noise?: DrawNoise;
  /** Of batches whose sequences differ in length. */
  readonly ragged?: Ragged;
  readonly hyper?: HyperAt;
}

/** What fills the tensors of any plan. */
export const allFillers: Fillers = { noise: drawNoise, ragged, hyper: hyperAt };
