/** What every command is given besides its own options. */
import type { MnistOptions } from "./data/mnist.ts";
import type { Output } from "./output.ts";
import type { SignalSource } from "./training/interrupt.ts";

export interface Context {
  readonly output: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--seed`: initialisation, the order of examples, noise. Not the examples of generated tasks. */
  readonly seed: number;
  readonly stdin: NodeJS.ReadableStream;
  readonly signals: SignalSource;
}

/** `--data` and `--offline`, as the MNIST reader wants them. */
export function mnistOptions(
  context: Context,
  options: { readonly data?: string; readonly offline?: boolean },
): MnistOptions {
  return {
    directory: options.data,
    offline: options.offline ?? false,
    environment: context.environment,
    say: (line) => context.output.warn(line),
  };
}
