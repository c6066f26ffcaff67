/** `cellc import`: makes a checkpoint, or a run, of weights that were trained elsewhere. */
import { existsSync } from "node:fs";
import { compareState } from "../../runtime/state.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { type ImportTarget, openTarget, type TargetOptions } from "../import/import-target.ts";
import { sizesIn } from "../import/library-weights.ts";
import { type Made, madeOf, type SourceOptions } from "../import/made-state.ts";
import { openSource } from "../import/open-source.ts";
import type { SourceFile } from "../import/source-tensor.ts";
import { writeRun } from "../import/write-run.ts";
import { isOfRun } from "../statistics/trained-model.ts";
import {
  allowed,
  type CheckpointOptions,
  loadCheckpoint,
  saveCheckpoint,
  sayOtherEquations,
} from "../training/checkpoint.ts";

export interface ImportOptions extends TargetOptions, SourceOptions, CheckpointOptions {
  /** Where the tensors are in nested dictionaries of a file of `torch.save`. */
  readonly key?: string;
  /** A `.safetensors` file, or a folder for a run. */
  readonly out: string;
}

/** `given` names the options on the command line. */
export async function importCommand(
  context: Context,
  path: string,
  options: ImportOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  checkOptions(options, given);
  const { output, seed } = context;
  const { from, out } = options;
  const file = await openSource(path, options.key, context.stdin);
  const isWhole = from === undefined && isCheckpoint(file);
  const target = await openTarget(context, options, given, from && sizesIn(file, from, options));
  const made = isWhole
    ? await wholeCheckpoint(context, file, target, options)
    : await madeOf(file, target, options, seed);
  const { state, said, facts } = made;
  const isFile = isFilePath(out);
  if (isFile) await saveCheckpoint(out, state);
  else await writeRun(out, target.run!, state);
  for (const line of said) output.say(line);
  const { step } = state.counters;
  output.say(`${out}: ${state.name} after ${step} steps${isFile ? "" : `; go on with cellc train --resume ${out}`}`);
  output.result({ ok: true, out, model: state.name, step, said, ...facts });
  return exit.ok;
}

const isFilePath = (out: string): boolean => out.endsWith(".safetensors");

/** Throws C0301 for options that do not go together, and C0408 for a folder that is there already. */
function checkOptions({ from, out, to }: ImportOptions, given: ReadonlySet<string>): void {
  const refuse = (what: string, help: string) => new Failure("C0301", exit.usage, what, help);
  if (from === undefined && given.has("scan"))
    throw refuse("--scan says which scans have the layers of another library's file", "add --from, or leave it out");
  if (given.has("layers") && from?.startsWith("keras") !== true)
    throw refuse("--layers are the names of Keras' layers", "add --from keras.layers.LSTM, or leave it out");
  if (isFilePath(out)) {
    if (!isOfRun(out)) return;
    throw new Failure(
      "C0408",
      exit.usage,
      `${out} is the checkpoint of a run, which would be replaced`,
      "choose another -o; a folder makes a run of its own, which goes on from there",
    );
  }
  if (to.endsWith(".cell"))
    throw refuse(
      `${out} is no .safetensors file, and a .cell file knows nothing of a run`,
      "name the checkpoint: -o a.safetensors; or a run after --to",
    );
  if (existsSync(out))
    throw new Failure(
      "C0408",
      exit.usage,
      `${out} is there already`,
      "choose another -o: what is imported is a run of its own",
    );
}

/** Whether a file has our own layout, such as the training script of an export writes. */
const isCheckpoint = ({ notes }: SourceFile): boolean => /^cellc-checkpoint-/.test(notes.format ?? "");

/** What only tensors by themselves can be asked. */
const OF_TENSORS = ["map", "rest", "prefix", "key"] as const satisfies readonly (keyof ImportOptions)[];

/** A whole checkpoint: its optimiser's state and its counters come along. Throws C0403 for one of another model. */
async function wholeCheckpoint(
  { output }: Context,
  { path }: SourceFile,
  { plan, kept, run }: ImportTarget,
  options: ImportOptions,
): Promise<Made> {
  const idle = OF_TENSORS.find((name) => options[name] !== undefined);
  if (idle !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `${path} is a whole checkpoint, and --${idle} is about single tensors`,
      "leave it out",
    );
  const state = await loadCheckpoint(path);
  sayOtherEquations(path, compareState(state, plan, kept, allowed(options)), output);
  const { fingerprint, measures, equations } = plan;
  const notes = state.notes ?? run?.state.notes;
  return {
    state: { ...state, fingerprint, measures, equations, ...(notes && { notes }) },
    said: [`${path}: a whole checkpoint, with its optimiser's state and its counters`],
    facts: { source: "checkpoint" },
  };
}
