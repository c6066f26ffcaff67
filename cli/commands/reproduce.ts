/** `cellc reproduce NAME`: trains the paper's models again, or measures what it measures, and sets its numbers beside ours. */

import { relative } from "node:path";
import type { Context } from "../context.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { packageRoot } from "../package.ts";
import { analyses } from "../reproduce/analyses.ts";
import type { LineContext } from "../reproduce/command-line.ts";
import { runAnalysis } from "../reproduce/run-analysis.ts";
import { type ReproduceOptions, runStudy } from "../reproduce/run-study.ts";
import { studies } from "../reproduce/studies.ts";
import { scaleNames } from "../reproduce/study.ts";
import { cellFile } from "../reproduce/train-run.ts";

/** `given` names the options on the command line. Throws C0301 for a name that is none, and what trains and measures throws. */
export async function reproduce(
  context: LineContext,
  name: string | undefined,
  options: ReproduceOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  if (name === undefined) return list(context);
  if (Object.hasOwn(studies, name)) return runStudy(context, name, studies[name], options, given);
  if (Object.hasOwn(analyses, name)) return runAnalysis(context, name, analyses[name], options, given);
  throw new Failure(
    "C0301",
    exit.usage,
    `there is no study ${name}`,
    `there are ${[...Object.keys(studies), ...Object.keys(analyses)].join(", ")}`,
  );
}

function list({ output }: Context): ExitCode {
  const listed = Object.entries(studies);
  output.table(
    ["study", "what", "section", "model"],
    listed.map(([name, { title, section, file }]) => [name, title, section, relative(packageRoot, cellFile(file))]),
  );
  for (const [name, { scales, variants, readings }] of listed) {
    output.say(`\n${name}`);
    for (const scale of scaleNames) output.say(`  --scale ${scale}: ${scales[scale].cut}`);
    output.say("  --variants");
    for (const [variant, { title }] of Object.entries(variants)) output.say(`    ${variant}: ${title}`);
    for (const [point, { about, choices }] of Object.entries(readings)) {
      output.say(`  --reading ${point}=…: ${about}`);
      for (const [choice, { words }] of Object.entries(choices)) output.say(`    ${choice}: ${words}`);
    }
  }
  output.say();
  output.table(
    ["analysis", "what", "section", "of the study"],
    Object.entries(analyses).map(([name, { title, section, of }]) => [name, title, section, of ?? "–"]),
  );
  for (const [name, { scales }] of Object.entries(analyses)) {
    output.say(`\n${name}`);
    for (const scale of scaleNames) output.say(`  --scale ${scale}: ${scales[scale]}`);
  }
  output.result({
    ok: true,
    analyses: Object.fromEntries(
      Object.entries(analyses).map(([name, { title, section, of, scales }]) => [name, { title, section, of, scales }]),
    ),
    studies: Object.fromEntries(
      listed.map(([name, { title, section, file, scales, variants, readings }]) => [
        name,
        { title, section, file, scales, variants, readings },
      ]),
    ),
  });
  return exit.ok;
}
