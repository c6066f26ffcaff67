import type { Code } from "../compiler/diagnostics/catalogue.ts";

/** Exit codes. `cellc --help` repeats this table. */
export const exit = {
  ok: 0,
  /** The input is wrong: a cell with errors, a corrupt data file, a checkpoint of another model. */
  input: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The machine lacks something: an adapter, a package, the data. */
  machine: 3,
  /** Training diverged. */
  diverged: 4,
  /** A fault of cellc itself. */
  internal: 70,
  /** Stopped by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

/** An expected failure that is not about a place in a source text: a catalogue code, a message in the user's words, and what to do. */
export class Failure extends Error {
  readonly code: Code;
  readonly exitCode: ExitCode;
  readonly help: string | undefined;

  constructor(code: Code, exitCode: ExitCode, message: string, help?: string) {
    super(message);
    this.name = "Failure";
    this.code = code;
    this.exitCode = exitCode;
    this.help = help;
  }
}
