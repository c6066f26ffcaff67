/** `cellc export`: writes a trained model for inference, without what only training needs. */
import type { EntryName } from "../../runtime/plan.ts";
import type { Context } from "../context.ts";
import { formOf } from "../data/settings.ts";
import { type ExportFormat, exportFormats, type FormatName, formatNames, optionsOfOthers } from "../export/formats.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { type ModelSettings, trainedModel } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { type CheckpointOptions, loadCheckpoint } from "../training/checkpoint.ts";

export interface ExportOptions extends ModelSettings, CheckpointOptions {
  /** What is written. */
  readonly to: FormatName;
  /** At least one, each once. */
  readonly target: readonly TargetName[];
  /** Default: `infer`, and `step` if the model can be a stream. */
  readonly entries?: readonly EntryName[];
  /** States are inputs and outputs, so that sequences can come in parts. */
  readonly states?: boolean;
  readonly out: string;
  /** Whether a PyTorch module's batches may be spread over processes, with a training script. */
  readonly distributed?: boolean;
  /** Whether the examples are written for it. Default: yes. */
  readonly examples?: boolean;
  /** The most bytes of examples that are written. */
  readonly examplesLimit?: number;
  /** Of the run: the weight of the newest batch in moving statistics. */
  readonly momentum?: number;
}

/** What a run records that only matters to its training. */
const OF_TRAINING = ["batch", "storage", "memory", "schedule", "parts", "noise"] as const;

/** `given` names the options on the command line. */
export async function exportCommand(
  context: Context,
  path: string,
  file: string | undefined,
  options: ExportOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  checkOptions(options.to, given);
  if (path.endsWith(".cell")) return untrained(context, path, options);
  const trained = await trainedModel(context.output, path, file, options, new Set([...given, ...OF_TRAINING]));
  const { checkpoint, settings } = trained;
  const state = await loadCheckpoint(checkpoint);
  const task = trained.form ?? (await formOf(context, settings, checkpoint, state));
  const write = await exportFormats[options.to].load();
  return write(context, { file: trained.file, checkpoint, settings, state, task });
}

/** Writes a file's entry as it begins. Throws C0301 for a format that has no use for that. */
async function untrained(context: Context, file: string, options: ExportOptions): Promise<ExitCode> {
  const format: ExportFormat = exportFormats[options.to];
  if (format.untrained === undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `--to ${options.to} takes a run, or a checkpoint, and not a .cell file`,
      `train it with cellc train ${file}, or compile it with cellc compile`,
    );
  const write = await format.untrained();
  return write(context, file, options);
}

/** Throws C0301 for an option that another format has. */
function checkOptions(format: FormatName, given: ReadonlySet<string>): void {
  const [wrong] = optionsOfOthers(format, given);
  if (wrong === undefined) return;
  const having = formatNames.filter((name) => !optionsOfOthers(name, given).includes(wrong));
  throw new Failure(
    "C0301",
    exit.usage,
    `--to ${format} takes no --${wrong}`,
    `leave it out, or choose --to ${having.join(" or ")}`,
  );
}
