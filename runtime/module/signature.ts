/** What the type checker knows of a model. */

/** Names with their tensors, as interfaces that a generated module declares. */
export interface Signature {
  readonly parameters: object;
  readonly statistics: object;
  /** [T, B, …] for what varies with time. */
  readonly inputs: object;
  /** What the loss compares outputs with: a model's targets, a cell's cotangents. */
  readonly targets: object;
  readonly outputs: object;
  /** Numbers by name. */
  readonly metrics: object;
  /** Inputs of a stream's first states, [B, …]. */
  readonly firstInputs: object;
  /** Inputs of one step of a stream, [B, …]. */
  readonly stepInputs: object;
  readonly stepOutputs: object;
  readonly states: object;
}

/** What is run to infer: all inputs, and the targets that are known. */
export type InferenceBatch<S extends Signature> = S["inputs"] & Partial<S["targets"]>;

/** What is trained on. */
export type TrainingBatch<S extends Signature> = S["inputs"] & S["targets"];

/** Parameters and statistics by name, some or all. */
export type Weights<S extends Signature> = Partial<S["parameters"] & S["statistics"]>;
