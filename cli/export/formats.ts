/** What `cellc export` can write, a row each. */
import type { SessionState } from "../../runtime/state.ts";
import type { ExportOptions } from "../commands/export.ts";
import type { Context } from "../context.ts";
import type { TaskForm } from "../data/task.ts";
import type { ExitCode } from "../failure.ts";
import type { TrainedModel } from "../statistics/trained-model.ts";

/** A trained model, as its run and the command line describe it. */
export interface ModelToExport extends Pick<TrainedModel<ExportOptions>, "file" | "checkpoint" | "settings"> {
  readonly state: SessionState;
  /** What the model's inputs and targets were in training. */
  readonly task: TaskForm;
}

/** Writes the model to `settings.out`. */
export type WriteModel = (context: Context, model: ModelToExport) => Promise<ExitCode>;

/** Writes the entry of a file to `options.out`. */
export type WriteUntrained = (context: Context, file: string, options: ExportOptions) => Promise<ExitCode>;

export interface ExportFormat {
  /** What is written, for `--help`. */
  readonly doc: string;
  /** The options that it takes besides those of all formats. One that no row has is for all. */
  readonly options: readonly (keyof ExportOptions)[];
  load(): Promise<WriteModel>;
  /** What writes the entry of a `.cell` file that nothing was trained of, if the format has a use for it. */
  untrained?(): Promise<WriteUntrained>;
}

/** The first is the default. */
export const exportFormats = {
  cellc: {
    doc: "a folder that openSession opens",
    options: ["target", "batch", "entries"],
    load: async () => (await import("./executable.ts")).exportExecutable,
  },
  pytorch: {
    doc: "a PyTorch module that people can read and change, with its weights",
    options: ["distributed", "examples", "examplesLimit"],
    load: async () => (await import("./pytorch.ts")).exportPytorch,
    untrained: async () => (await import("./pytorch-untrained.ts")).exportUntrainedPytorch,
  },
  onnx: {
    doc: "a file for ONNX Runtime and others, of any batch and length",
    options: ["ragged", "states"],
    load: async () => (await import("./onnx.ts")).exportOnnx,
  },
} as const satisfies Readonly<Record<string, ExportFormat>>;

export type FormatName = keyof typeof exportFormats;

export const formatNames = Object.keys(exportFormats) as readonly FormatName[];

export const [defaultFormat] = formatNames;

/** The options given that other formats have, and this one does not. */
export function optionsOfOthers(format: FormatName, given: ReadonlySet<string>): readonly string[] {
  const rows: Readonly<Record<string, ExportFormat>> = exportFormats;
  const own: ReadonlySet<string> = new Set(rows[format].options);
  const all = new Set(Object.values(rows).flatMap(({ options }) => options));
  return [...all].filter((name) => given.has(name) && !own.has(name));
}
