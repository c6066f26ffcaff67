/** What a module is printed from: everything that is known of a compiled cell or model, as plain data. */
import type { Code, Plan } from "../../runtime/plan.ts";

/** A place in a text, as offsets. */
export interface Place {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A name that the module declares. */
export interface Named {
  readonly name: string;
  /** Lines of its documentation. */
  readonly doc: readonly string[];
  /** Where the cell's text declares it. */
  readonly place?: Place;
}

/** An extent: a number, or T. */
export type Extent = number | "time";

export interface NamedTensor extends Named {
  readonly shape: readonly Extent[];
}

/** The tensors that a model takes and gives. */
export interface Tensors {
  readonly parameters: readonly NamedTensor[];
  readonly statistics: readonly NamedTensor[];
  readonly inputs: readonly NamedTensor[];
  readonly targets: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
  readonly firstInputs: readonly NamedTensor[];
  readonly stepInputs: readonly NamedTensor[];
  readonly stepOutputs: readonly NamedTensor[];
  readonly states: readonly NamedTensor[];
}

/** The kernels of one target. */
export interface TargetKernels {
  /** `wasm`, `wgsl+subgroups`. */
  readonly target: string;
  /** The function of the runtime that opens the backend. */
  readonly backend: string;
  readonly plan: Plan;
  readonly code: Code;
}

export interface ModuleDescription extends Tensors {
  /** Lines at the top of the file, without `//`. */
  readonly header: readonly string[];
  /** The command that makes it again. */
  readonly command: string;
  readonly runtimeVersion: number;
  readonly entry: Named;
  readonly dims: readonly (Named & { readonly value: number })[];
  readonly metrics: readonly Named[];
  /** Whether it can be trained; else it only infers. */
  readonly trains: boolean;
  /** Methods of the runtime's model that it was compiled without. */
  readonly lacks: readonly string[];
  readonly kernels: readonly TargetKernels[];
  /** The texts that places are in, with their paths as a map of the declarations has them. */
  readonly sources: readonly { readonly file: string; readonly path: string; readonly text: string }[];
}
