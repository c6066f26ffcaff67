/** Command lines that a study is made of: what they do, and what they measure, is what they do and measure for anybody. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { type ExitCode, exit } from "../failure.ts";
import { buildProgram } from "../program.ts";

export interface ParsedLine {
  readonly command: Command;
  /** Does the work of the line. */
  work(context: Context): Promise<ExitCode>;
}

/** Parses the words of a command line, as the shell's are. Throws `CommanderError` for words that are none. */
export async function parsedLine(words: readonly string[]): Promise<ParsedLine> {
  let found: ParsedLine | undefined;
  const program = buildProgram(async (command, work) => {
    found = { command, work };
  });
  await program.parseAsync([...words], { from: "user" });
  if (found === undefined) throw new Error(`${words.join(" ")} is no command`);
  return found;
}

/** Runs a line and returns the document of its `--json`; undefined if it was interrupted. What it says goes to `context`'s output. */
export async function documentOf(
  context: Context,
  words: readonly string[],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { work } = await parsedLine(words);
  let document: unknown;
  const result = (value: unknown): void => {
    document = value;
  };
  const output = { ...context.output, result };
  const code = await work({ ...context, output });
  if (code === exit.interrupted) return undefined;
  if (typeof document !== "object" || document === null) throw new Error(`${words.join(" ")} has no document`);
  return document as Readonly<Record<string, unknown>>;
}
