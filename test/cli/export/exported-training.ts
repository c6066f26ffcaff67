/** Exports a run for training in PyTorch, as the command line does. */
import { readFile } from "node:fs/promises";
import { cellc } from "../run-here.ts";

/** Writes to `out`, which must be empty. Returns the names of the files, and what was said; throws an error with code and help. */
export async function exportTraining(
  run: string,
  out: string,
  more: readonly string[] = [],
): Promise<{ readonly files: readonly string[]; readonly said: string }> {
  const { stdout, stderr } = await cellc([
    "export",
    run,
    "--to",
    "pytorch",
    "--distributed",
    "-o",
    out,
    "--json",
    ...more,
  ]);
  const { files, error } = JSON.parse(stdout) as { files?: readonly string[]; error?: { readonly message: string } };
  if (files === undefined) throw Object.assign(new Error(), error);
  return { files, said: stderr };
}

/** The losses of a learning curve: of each step, and of each evaluation. */
export async function lossesOf(
  path: string,
): Promise<Readonly<Record<"train" | "evaluation", ReadonlyMap<number, number>>>> {
  const points = (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; step: number; loss: number });
  const of = (wanted: string) =>
    new Map(points.flatMap(({ kind, step, loss }) => (kind === wanted ? [[step, loss] as const] : [])));
  return { train: of("train"), evaluation: of("evaluation") };
}
