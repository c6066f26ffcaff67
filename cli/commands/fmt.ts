/** `cellc fmt`: formats cells. It leaves a text with syntax errors unchanged. */
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { format } from "../../compiler/syntax/format.ts";
import type { Context } from "../context.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { readSource } from "../read-source.ts";
import { writeAtomically } from "../report/files.ts";

export interface FmtOptions {
  readonly check?: boolean;
  readonly write?: boolean;
}

interface Formatted {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly diagnostics: readonly Diagnostic[];
}

export async function fmt(context: Context, files: readonly string[], options: FmtOptions): Promise<ExitCode> {
  const { output } = context;
  if (options.write && files.includes("-")) {
    throw new Failure(
      "C0301",
      exit.usage,
      "--write cannot write standard input",
      "leave out --write: the text goes to standard output",
    );
  }
  const formatted: Formatted[] = [];
  for (const file of files) {
    const before = file === "-" ? await readAll(context.stdin) : readSource(file);
    const name = file === "-" ? "standard input" : file;
    const { text, diagnostics } = format(before, name);
    formatted.push({ name, before, after: text, diagnostics });
  }

  const broken = formatted.filter(({ diagnostics }) => diagnostics.length > 0);
  const said = sayDiagnostics(
    broken.flatMap(({ diagnostics }) => diagnostics),
    output,
    Object.fromEntries(formatted.map(({ name, before }) => [name, before])),
  );
  const readable = formatted.filter(({ diagnostics }) => diagnostics.length === 0);
  const changed = readable.filter(({ before, after }) => before !== after);
  if (options.write) {
    for (const { name, after } of changed) {
      await writeAtomically(name, after);
      output.say(name);
    }
  } else if (options.check) {
    for (const { name } of changed) output.say(`${name} is not formatted`);
  } else {
    for (const { after } of readable) output.print(after);
  }
  output.result({
    ok: broken.length === 0 && !(options.check && changed.length > 0),
    files: formatted.map(({ name, before, after }) => ({ file: name, changed: before !== after, text: after })),
    diagnostics: said,
  });
  return broken.length > 0 || (options.check && changed.length > 0) ? exit.input : exit.ok;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("utf8");
}
