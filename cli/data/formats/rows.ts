/** The formats that are not tables: a row each. Their readers load when they are needed. */
import type { ByteSource } from "../byte-source.ts";
import type { Recording } from "../recording.ts";
import type { ArrayOptions } from "./array-layout.ts";
import type { JsonlOptions } from "./jsonl.ts";
import type { TextOptions } from "./text.ts";
import { isUcr } from "./ucr-start.ts";

/** What the readers may be told. A reader ignores what its format has no use for. */
export type FormatOptions = ArrayOptions & JsonlOptions & TextOptions;

export interface FormatRow {
  readonly name: string;
  readonly doc: string;
  /** What a file's name ends with, without `.gz`. None: the format has to be named. */
  readonly extensions: readonly string[];
  /** Whether a file of any name is of this format, by its first 2 KiB or all. Undefined: only by name. */
  readonly recognised?: (start: Uint8Array) => boolean;
  /** Throws C0401 and C0402 with the place. */
  open(source: ByteSource, options: FormatOptions): Promise<Recording>;
}

/** Whether all lines are numbered from 1 on, and a tab and an answer follow a question. The last line may be cut. */
function isStories(start: Uint8Array): boolean {
  const lines = new TextDecoder().decode(start, { stream: true }).split(/\r?\n/);
  const full = (lines.length > 1 ? lines.slice(0, -1) : lines).filter((line) => line.trim() !== "");
  return (
    /^1 /.test(full[0] ?? "") &&
    full.every((line) => /^\d+ \S/.test(line)) &&
    full.some((line) => /\?\s*\t\S/.test(line))
  );
}

const beginsWith = (text: string) => (start: Uint8Array) =>
  Buffer.from(start.subarray(0, text.length)).toString("latin1") === text;

export const formatRows: readonly FormatRow[] = [
  {
    name: "NPY",
    doc: "an array of NumPy's, [sequences, steps, features], [sequences, steps] or [steps]",
    extensions: [".npy"],
    recognised: beginsWith("\x93NUMPY"),
    open: async (source, options) => (await import("./npy.ts")).openNpy(source, options),
  },
  {
    name: "NPZ",
    doc: "arrays of NumPy's by name: x, y, lengths or mask, ids; x_train, x_test, …",
    extensions: [".npz"],
    recognised: beginsWith("PK\x03\x04"),
    open: async (source, options) => (await import("./npz.ts")).openNpz(source, options),
  },
  {
    name: "safetensors",
    doc: "tensors by name, as in NPZ",
    extensions: [".safetensors"],
    open: async (source, options) => (await import("./safetensors.ts")).openSafetensors(source, options),
  },
  {
    name: "JSONL",
    doc: 'an object on each line, which is a sequence: {"x": [[1, 2], [3, 4]], "y": 3} or {"text": "…"}',
    extensions: [".jsonl", ".ndjson"],
    open: async (source, options) => (await import("./jsonl.ts")).openJsonl(source, options),
  },
  {
    name: "TS",
    doc: "time series of the UEA and UCR archives, with a header of @ lines",
    extensions: [".ts"],
    open: async (source, options) => (await import("./ts.ts")).openTs(source, options),
  },
  {
    name: "UCR",
    doc: "time series of the UCR archive: on each line a class and then values, with tabs between and no header",
    extensions: [],
    recognised: isUcr,
    open: async (source, options) => (await import("./ucr.ts")).openUcr(source, options),
  },
  {
    name: "text",
    doc: "one stream of characters, words or bytes, or a sequence on each line",
    extensions: [".txt", ".text", ".log"],
    open: async (source, options) => (await import("./text.ts")).openText(source, options),
  },
  {
    name: "bAbI",
    doc: "stories with questions, a numbered sentence on each line",
    extensions: [],
    recognised: isStories,
    open: async (source) => (await import("./babi.ts")).openBabi(source),
  },
];
