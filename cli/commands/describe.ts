/** `cellc data FILE`: says what a file or folder holds, and how a model could be trained on it. */
import { relative } from "node:path";
import type { Context } from "../context.ts";
import type { DataOptions } from "../data/data-options.ts";
import { type ExitCode, exit } from "../failure.ts";
import { checkNoFolder, writeAtomically } from "../report/files.ts";
import { starterFile } from "../start/starters.ts";
import { commandLine, flagsOf } from "../survey/command.ts";
import { findingsOf } from "../survey/findings.ts";
import { type FoundData, openSurvey } from "../survey/open-survey.ts";
import { type Kind, type Proposal, proposalOf } from "../survey/proposal.ts";
import { documentOf, sayFound } from "../survey/report.ts";

export interface DescribeOptions {
  readonly own?: DataOptions;
  readonly svg?: string;
}

export async function describe(context: Context, path: string, { own = {}, svg }: DescribeOptions): Promise<ExitCode> {
  const { output, stdin } = context;
  if (svg !== undefined) await checkNoFolder(svg);
  const found = await openSurvey(
    { stdin: stdin as AsyncIterable<Uint8Array | string>, say: (line) => output.warn(line) },
    path,
    own,
  );
  const proposal = proposalOf(found);
  const findings = findingsOf(found, proposal);
  const commands = proposal === undefined ? [] : commandsOf(found, proposal);
  sayFound(output, found, proposal);
  if (findings.length > 0) {
    output.say();
    for (const line of findings) output.say(`${output.colors.yellow("note:")} ${line}`);
  }
  if (svg !== undefined) {
    const { drawSurvey } = await import("../survey/panels.ts");
    await writeAtomically(svg, drawSurvey(found, proposal));
    output.say();
    output.say(`${svg} written`);
  }
  output.say();
  if ((found.survey.time?.back ?? 0) > 0) output.say("training wants the times in order");
  else if (proposal === undefined)
    output.say(
      "there is too little of it to train on, or it does not show what to predict: --target NUMBERS or --label CLASSES says that",
    );
  else {
    output.say(
      `it looks like ${NAMES[proposal.kind]}: ${proposal.why}. ${commands.length > 0 ? "To train a model to begin with:" : "Write it to a file, and cellc init begins with that."}`,
    );
    output.say();
    for (const words of commands) output.say(`  ${commandLine(words)}`);
  }
  output.result({
    ok: true,
    ...documentOf(found),
    findings,
    ...(proposal && {
      proposal: { kind: proposal.kind, why: proposal.why, model: proposal.starter, options: proposal.own, commands },
    }),
  });
  return exit.ok;
}

const NAMES: Readonly<Record<Kind, string>> = {
  forecast: "a forecast",
  classification: "a classification",
  tagging: "a classification of steps",
  estimation: "a regression",
  language: "a language model",
};

/** What `cellc init` calls a kind of task. */
const KINDS: Readonly<Record<Kind, string>> = {
  forecast: "forecast",
  classification: "classify",
  tagging: "classify",
  estimation: "classify",
  language: "language",
};

/** The commands that train a first model, as words. */
function commandsOf(
  { path, name, options }: FoundData,
  { starter, own, batch, kind }: Proposal,
): readonly (readonly string[])[] {
  const flags = flagsOf(own);
  const few = batch === undefined ? [] : ["--batch", String(batch)];
  if (flags !== undefined) {
    const cell = relative(process.cwd(), starterFile(starter));
    return [["cellc", "train", cell, "--data", path, ...flags, ...few, "--out", `runs/${name}`]];
  }
  // Only a task file can say it, and that is what a project has. It has no standard input.
  return path === "-" ? [] : [["cellc", "init", KINDS[kind], "--data", path, ...(flagsOf(options) ?? [])]];
}
