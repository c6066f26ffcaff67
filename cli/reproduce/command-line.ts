/** Command lines that a study is made of: what they do, and what they measure, is what they do and measure for anybody. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";

export interface ParsedLine {
  readonly command: Command;
  /** Does the work of the line. */
  work(context: Context): Promise<ExitCode>;
}

/** The context of a command that is made of others: `parse` reads the words of one as the shell's are read. */
export interface LineContext extends Context {
  /** Throws `CommanderError` for words that are no command line. */
  parse(words: readonly string[]): Promise<ParsedLine>;
}

/** Runs a line and returns the document of its `--json`; undefined if it was interrupted. What it says goes to `context`'s output. */
export async function documentOf(
  context: LineContext,
  words: readonly string[],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { work } = await context.parse(words);
  let document: unknown;
  const result = (value: unknown): void => {
    document = value;
  };
  const code = await work({ ...context, output: { ...context.output, result } });
  if (code === exit.interrupted) return undefined;
  if (typeof document !== "object" || document === null) throw new Error(`${words.join(" ")} has no document`);
  return document as Readonly<Record<string, unknown>>;
}
