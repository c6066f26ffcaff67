/** Does an analysis, and keeps what it measured. */

import { type ExitCode, exit, Failure } from "../failure.ts";
import { machineFacts } from "../machine-facts.ts";
import type { Analysis } from "./analysis.ts";
import type { LineContext } from "./command-line.ts";
import { type RunResult, readResults } from "./results.ts";
import { type ReproduceOptions, usualFolder } from "./run-study.ts";
import { sayResults } from "./said.ts";
import { studies } from "./studies.ts";
import type { ScaleName } from "./study.ts";
import { StudyFolder } from "./study-folder.ts";

/** Options of studies, which train; an analysis measures. */
const OF_STUDIES = ["variants", "seeds", "reading", "steps", "maxTime", "report"] as const;

/**
 * `given` names the options on the command line. Throws C0301 for options that only studies have, C0401 if there is nothing to measure,
 * C0408 if there is what another study or scale trained, and C0405 if the data is not where `--data` says.
 */
export async function runAnalysis(
  context: LineContext,
  name: string,
  analysis: Analysis,
  options: ReproduceOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output } = context;
  const { title, section, scales } = analysis;
  const { scale, target, threads, data, seeds, resume = false } = options;
  const other = OF_STUDIES.find((option) => given.has(option) && !(option === "seeds" && analysis.trains));
  const refuse = (what: string, help: string) => new Failure("C0301", exit.usage, what, help);
  if (other !== undefined)
    throw refuse(`${name} is an analysis, and --${flagOf(other)} is for studies`, "leave it out");
  if (analysis.of === undefined && options.of !== undefined)
    throw refuse(`${name} measures no study's models`, "leave --of out");
  const of = analysis.of && (options.of ?? usualFolder(analysis.of, scale));
  const runs = of === undefined ? [] : await measurable(analysis.of!, of, scale);
  const where = { target, threads, data: data === undefined ? undefined : dataFor(analysis, data) };
  const folder = new StudyFolder(options.out ?? usualFolder(name, scale));
  const identity = { study: name, scale, readings: {} };
  const before = await folder.begin(resume);
  if (before !== undefined) folder.checkIdentity(before, identity);
  const cut = seeds === undefined ? scales[scale] : `${scales[scale]}; here from --seeds ${seeds}`;
  output.say(`${title}, section ${section}: ${cut}`);
  // What was measured before stays until there is something to replace it.
  if (before === undefined) await folder.write({ format: 1, ...identity });
  const done = await analysis.run({
    ...{ context, scale, out: folder.path, resume: before !== undefined, of, runs, where, seeds },
  });
  if (done === undefined) return exit.interrupted;
  const { measured, columns, files } = done;
  // A smoke test measures too little to say anything.
  const findings = scale === "smoke" ? [] : done.findings;
  const document = {
    ...{ format: 1 as const, ...identity, title, section, cut, seed: context.seed },
    ...{ machine: await machineFacts(target), findings, measured },
  };
  await folder.write(document);
  sayResults(output, columns, findings);
  output.say(`\n${[folder.files.record, ...files].join(", ")}`);
  output.result({ ok: true, files: [folder.files.record, ...files], ...document });
  return exit.ok;
}

/** The finished runs: one that was not finished has no model to measure, and what another study or scale trained is not what would be said of it. */
async function measurable(study: string, folder: string, scale: ScaleName): Promise<readonly RunResult[]> {
  const models = new StudyFolder(folder);
  const record = await models.read();
  if (record !== undefined) models.checkIdentity(record, { study, scale, readings: record.readings });
  const runs = (await readResults(studies[study], folder)).filter(({ status }) => status === "finished");
  if (runs.length > 0) return runs;
  throw new Failure(
    "C0401",
    exit.input,
    `${folder} holds no finished run of ${study}`,
    `train some: cellc reproduce ${study} --scale ${scale}; or name the folder of others: --of DIR`,
  );
}

/** What `--data` is for the commands of an analysis: the folder, or in it the files that the models were trained on. */
const dataFor = ({ of }: Analysis, directory: string): string =>
  of === undefined ? directory : String(studies[of].data({ directory, environment: {} }).data);

/** `maxTime` is `--max-time`. */
const flagOf = (option: string): string => option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
