/** A run that is continued by its folder alone: what it was told, it knows. */
import { exit, Failure } from "../failure.ts";
import { RunFolder, type RunRecord } from "./run-folder.ts";

export interface ResumedRun<Options> {
  readonly file: string | undefined;
  readonly seed: number;
  /** The run's options, unless the command line sets others. */
  readonly options: Options;
}

/** What the command line alone decides. */
const OF_THE_COMMAND: ReadonlySet<string> = new Set(["file", "seed", "out", "resume", "allowOtherEquations"]);

/** Throws C0408 for a folder without a run, and C0301 for another `out`. `given` names the options on the command line. */
export async function resumedRun<Options extends { readonly out?: string; readonly own?: object }>(
  folder: string,
  options: Options,
  given: ReadonlySet<string>,
): Promise<ResumedRun<Options>> {
  const record: RunRecord | undefined = await new RunFolder(folder).read();
  if (record === undefined)
    throw new Failure("C0408", exit.usage, `${folder} holds no run to resume`, "name a folder that cellc train wrote");
  if (options.out !== undefined && options.out !== folder)
    throw new Failure(
      "C0301",
      exit.usage,
      `the run in ${folder} goes on there, not in ${options.out}`,
      "leave --out out; or give --resume alone, and --out the folder of the run",
    );
  const recorded = Object.entries(record.options).filter(
    ([name]) => !OF_THE_COMMAND.has(name) && !given.has(name) && !(name === "steps" && given.has("epochs")),
  );
  const own = record.options.own && options.own ? { own: { ...record.options.own, ...options.own } } : {};
  return {
    file: record.options.file,
    seed: record.seed,
    options: { ...options, ...Object.fromEntries(recorded), ...own, out: folder },
  };
}
