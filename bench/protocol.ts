/**
 * The protocol between the driver and a peer, one JSON document per line: the peer introduces itself (`Hello`), then answers each
 * request with one reply, in order. Lines that are not JSON come from the peer's library and are ignored.
 */
import type { Cell, Workload } from "./workloads.ts";

/** A workload with a cell, written in one of a library's ways. */
export interface Job extends Workload {
  readonly cell: Cell;
  /** `nn.LSTM`, `eager`, `TorchScript`: a name the peer knows. */
  readonly form: string;
  /** The safetensors file of `numbersFile`. */
  readonly numbers: string;
}

export type Request =
  /** Builds what `run` will run for this key, runs it once and returns what it computed. */
  | { readonly do: "prepare"; readonly key: string; readonly job: Job }
  /** Runs it `times` times over. */
  | { readonly do: "run"; readonly key: string; readonly times: number };

/** Versions and other facts that decide how fast a peer is. */
export interface Hello {
  readonly facts: Readonly<Record<string, string>>;
}

/** The results of a run, for comparison: the loss and the gradient of b [4H] in training, the last h [H] in inference. */
export interface Check {
  readonly loss?: number;
  readonly values: readonly number[];
}

export interface Prepared extends Ran {
  /** Results of the first run. The milliseconds are of the first run, too. */
  readonly check: Check;
  /** What a reader of the result should know about this form of the cell. */
  readonly note?: string;
}

/** Milliseconds of one run: the mean of the requested runs. */
export interface Ran {
  readonly ms: number;
}

/** Why a request was refused. */
export interface Refused {
  readonly error: string;
}
