/** What every command gets besides its own options. */
import type { Output } from "./output.ts";
import type { SignalSource } from "./training/interrupt.ts";

export interface Context {
  readonly output: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--seed`: for initialisation, the order of examples and noise. It does not change the examples of generated tasks. */
  readonly seed: number;
  readonly stdin: NodeJS.ReadableStream;
  readonly signals: SignalSource;
}
