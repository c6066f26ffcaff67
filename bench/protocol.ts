/**
 * What the driver and a peer say to each other, a JSON document a line: the peer says what it is (`Hello`), and then answers
 * each request with one reply, in order. Lines of a peer that are no JSON are its library's chatter.
 */
import type { Cell, Workload } from "./workloads.ts";

/** A cell, written in one of the ways a library offers. */
export interface Job extends Workload {
  readonly cell: Cell;
  /** `nn.LSTM`, `eager`, `TorchScript`: a name the peer knows. */
  readonly form: string;
  /** The safetensors file of `numbersFile`. */
  readonly numbers: string;
}

export type Request =
  /** Builds what `run` shall run under this key, runs it once and says what it computed. */
  | { readonly do: "prepare"; readonly key: string; readonly job: Job }
  /** Runs it `times` times over. */
  | { readonly do: "run"; readonly key: string; readonly times: number };

/** Versions and whatever else decides how fast a peer is. */
export interface Hello {
  readonly facts: Readonly<Record<string, string>>;
}

/** What a run computed, to be compared: of a training run the loss and the gradient of b [4H]; of inference the last h [H]. */
export interface Check {
  readonly loss?: number;
  readonly values: readonly number[];
}

export interface Prepared extends Ran {
  /** Of the first run, as the milliseconds are. */
  readonly check: Check;
  /** What a reader of the result should know of this way to write the cell. */
  readonly note?: string;
}

/** Milliseconds of one run, the mean of those asked for. */
export interface Ran {
  readonly ms: number;
}

/** Why a request cannot be done. */
export interface Refused {
  readonly error: string;
}
