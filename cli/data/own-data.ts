/** Opens a data set of one's own: from files to a task, with a word on what was understood. */

import { openData } from "./array-folders.ts";
import { checkOptions } from "./check-options.ts";
import { filesAt } from "./data-files.ts";
import type { DataOptions } from "./data-options.ts";
import { dataExamples } from "./examples.ts";
import { lookLines } from "./formats/looks.ts";
import type { ReadOptions } from "./formats/read-options.ts";
import { baseName, openRecording } from "./formats.ts";
import { knownRoles } from "./known-roles.ts";
import type { Going, OwnData } from "./opened-data.ts";
import { ownTask } from "./own-task.ts";
import { checkExamples, checkPreparation, type Preparation, type PreparedSymbols, prepare } from "./preparation.ts";
import { readingOf } from "./reading.ts";
import type { Recording } from "./recording.ts";
import { type Roles, rolesOf } from "./roles.ts";
import { type Segments, segmentsOf } from "./segments.ts";
import { type Origin, Store } from "./store.ts";
import { taskStreams } from "./streams.ts";
import type { Split, Task } from "./task.ts";

export interface OwnDataHost {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** Receives what was understood and what is remarkable, a line each. */
  readonly say: (line: string) => void;
}

/** What data is for that a model is not trained on. */
export interface Purpose {
  /** All of it is the test part; else it is divided as in training. */
  readonly whole?: boolean;
  /** Whether it is predicted, and need not have the targets. */
  readonly predicting?: boolean;
}

/**
 * The task of a file, or of the files of a folder or pattern (`filesAt`). With a `preparation`, such as a checkpoint's, that one is
 * applied and none is computed. With `predicting`, which needs one, the columns are those of the preparation, and targets may be missing.
 * Throws C0301 for options that do not go together, C0401 and C0402 for files, C0403 for a preparation
 * of other columns, and C0406 for columns that are not there.
 */
export async function openOwnData(
  host: OwnDataHost,
  path: string,
  options: DataOptions,
  preparation?: Preparation,
  { whole = false, predicting = false, carry, streams }: Purpose & Going = {},
): Promise<Task> {
  checkOptions(options);
  if (preparation !== undefined) checkExamples(preparation, options);
  const files = await filesAt(path, whole);
  const sources = await Promise.all(
    files.map(async (file) => ({ source: await openData(file, host.stdin), split: file.split })),
  );
  const reading: ReadOptions = { ...readingOf(options), missing: "kept" };
  // Once to see which columns there are, and then only those that are wanted.
  const seen = await openRecording(sources[0].source, reading);
  if ((predicting || whole) && preparation === undefined) throw new Error("new data is prepared as a checkpoint says");
  const known = predicting ? preparation : undefined;
  const roles = known ? knownRoles(seen, known) : rolesOf(seen, options);
  const read = new Set(roles.inputs.flatMap(({ fields }) => fields));
  const gaps = new Set(known && roles.targets.flatMap(({ fields }) => fields.filter((field) => !read.has(field))));
  const parts = isColumn(options.splitBy) ? [options.splitBy] : [];
  const origins: Origin[] = [];
  for (const { source, split } of sources) {
    const wanted: ReadOptions = {
      ...reading,
      missing: options.missing === undefined && gaps.size === 0 ? "refused" : "kept",
      fields: new Set([...fieldsOf(roles), ...parts]),
      texts: new Set([...symbolsOf(roles), ...parts]),
    };
    origins.push({ recording: await openRecording(source, wanted), ...(split && { split }) });
  }
  const missing = options.missing === undefined ? "refused" : options.missing === "previous" ? "previous" : "kept";
  const store = await Store.fill(origins, { missing, gaps });
  const segments = whole ? wholeOf(store) : await segmentsOf(store, options, taskStreams);
  if (preparation !== undefined && !known) checkPreparation(preparation, roles, seen.looks);
  const name = baseName(path === "-" ? "stdin" : path);
  const own = {
    name,
    store,
    segments,
    roles,
    options,
    preparation: preparation ?? (await prepare(store, segments, roles, options)),
    trained: preparation !== undefined,
    whole,
    predicting,
    ...(carry && streams !== undefined && { going: { carry, streams } }),
  };
  const task = ownTask({ ...own, summary: summaryOf(own) });
  const ofTraining = !own.trained && task.inEpoch !== undefined;
  const moving = `each epoch begins its training windows at an offset of its own, below ${options.stride} steps`;
  for (const line of [...remarks(own, task), ...(ofTraining ? [moving] : []), ...readingRemarks(seen, own)])
    host.say(line);
  return task;
}

const isColumn = (splitBy: string | undefined): splitBy is string =>
  splitBy !== undefined && splitBy !== "time" && splitBy !== "sequence";

const fieldsOf = ({ inputs, targets, weight }: Roles): readonly string[] =>
  [...inputs, ...targets, ...(weight ? [weight] : [])].flatMap(({ fields }) => fields);

const symbolsOf = ({ inputs, targets }: Roles): readonly string[] =>
  [...inputs, ...targets].flatMap(({ kind, fields }) => (kind === "symbols" ? fields : []));

/** All sequences as the test part. */
const wholeOf = ({ lengths }: Store): Segments => ({
  train: [],
  validation: [],
  test: lengths.map((to, sequence) => ({ sequence, from: 0, to })),
});

const grouped = new Intl.NumberFormat("en");
const shown = (count: number): string => grouped.format(count);

/** `ETTh1: 17,420 steps; x from 7 columns, y 24 steps of OT after 96`. */
function summaryOf({ name, store, roles, options, preparation }: Omit<OwnData, "summary">): string {
  const { lengths } = store;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const sequences =
    lengths.length === 1 ? `${shown(total)} steps` : `${shown(lengths.length)} sequences, ${shown(total)} steps`;
  const [[target, { fields }]] = Object.entries(preparation.targets);
  const inputs = roles.inputs.map(
    (role) => `${role.name} of ${role.fields.length > 3 ? `${role.fields.length} columns` : role.fields.join(", ")}`,
  );
  const what = {
    horizon: `${options.horizon} steps of ${fields.join(", ")} after windows of ${options.window}`,
    next: "the next symbol",
    step: `${fields.join(", ")} at each step`,
    last: `${fields.join(", ")} at the last step`,
    sequence: `${fields.join(", ")} of a sequence`,
  }[preparation.places[target]];
  return `${name}: ${sequences}; from ${inputs.join(" and ")}: ${what}`;
}

/** The most columns or classes in a line. */
const MOST_NAMED = 12;

const listed = (words: readonly string[]): string =>
  words.length <= MOST_NAMED
    ? words.join(", ")
    : `${words.slice(0, MOST_NAMED).join(", ")} and ${words.length - MOST_NAMED} more`;

function remarks(own: Omit<OwnData, "summary">, task: Task): readonly string[] {
  const { store, roles, preparation, options, whole, predicting } = own;
  const { splits } = task;
  const all = ["train", "validation", "test"] as const;
  const counts = (of: (split: Split) => string): string =>
    `${of("train")} train, ${of("validation")} validation, ${of("test")} test`;
  const examples = counts((split) => shown(splits[split]));
  const stride = options.stride ?? 1;
  const windows = stride === 1 ? "every window" : `a window every ${stride} steps`;
  const lines = [
    `${task.summary}; ${predicting ? `predicted: ${options.window === undefined || own.going ? "" : `${windows}, `}` : "examples: "}${whole ? shown(splits.test) : examples}`,
  ];
  const constant = Object.values(preparation.inputs).flatMap((of) =>
    of.kind === "numbers" && options.scale !== "none" && of.fields.length === of.spread.length
      ? of.fields.filter((_, c) => of.center[c] === 0 && of.spread[c] === 1)
      : [],
  );
  if (constant.length > 0 && !predicting && !whole)
    lines.push(`the same at every step of the training part, and not scaled: ${listed(constant)}`);
  const filled = [...store.fields]
    .filter(([, { missing }]) => missing > 0)
    .map(([name, { missing }]) => `${shown(missing)} of ${name}`);
  if (filled.length > 0) lines.push(`missing values, filled (--missing ${options.missing}): ${listed(filled)}`);
  if (task.sequences !== undefined) {
    const streams = (split: Split): string => shown(task.sequences!(split).length);
    lines.push(`sequences in parts of ${options.window} steps: ${whole ? streams("test") : counts(streams)}`);
  }
  const { examples: found, parts, needed, certain } = dataExamples(own);
  const short = all.reduce((sum, split) => sum + found[split].short, 0);
  if (short > 0)
    lines.push(
      `${short === 1 ? "1 sequence or part is" : `${shown(short)} sequences or parts are`} shorter than ${needed ?? 1 + certain} steps, and left out`,
    );
  const left = parts === undefined ? [] : all.filter((split) => parts[split].left > 0);
  if (parts !== undefined && left.length > 0)
    lines.push(
      `steps left out at the end, since sequences side by side are equally long: ${left.map((split) => `${parts[split].left} of ${split}`).join(", ")}`,
    );
  for (const [name, of] of predicting || whole ? [] : Object.entries(preparation.targets)) {
    if (of.kind !== "symbols" || roles.next) continue;
    lines.push(`classes of ${name}: ${listed(balance(of))}`);
    const lacking = of.names.filter((_, at) => of.counts[at] === 0);
    if (lacking.length > 0) lines.push(`the training part lacks classes: ${listed(lacking)}`);
  }
  const classes = predicting || whole ? undefined : preparation.weight?.classes;
  const [first] = Object.values(preparation.targets);
  if (classes !== undefined && first.kind === "symbols") {
    const weights = first.names.map((name, at) => `${name} ${Number(classes[at].toPrecision(3))}`);
    lines.push(`weights of classes: ${listed(weights)}`);
  }
  return lines;
}

/**
 * What is remarkable about how columns were read: numbers in doubt, and texts that are nothing to the model, with what reads one that looks
 * like something else. Of data for a known model, only dates that are not read are, since they tell its rows apart.
 */
function readingRemarks(
  seen: Recording,
  { roles, options, predicting, whole }: Omit<OwnData, "summary">,
): readonly string[] {
  const { group, timeColumn, splitBy, symbols = [] } = options;
  const isNew = predicting === true || whole === true;
  const used = new Set([...fieldsOf(roles), ...symbols, group, timeColumn, splitBy]);
  const texts = Object.entries(seen.fields)
    .filter(([name, { kind, over }]) => kind === "symbol" && over === "steps" && !used.has(name))
    .map(([name]) => name);
  const hasTime = Object.values(seen.fields).some(({ kind, over }) => kind === "label" && over === "steps");
  const looked = texts.flatMap((name) => {
    const look = seen.looks?.[name];
    if (look === undefined) return [];
    const isChosen = isNew || options.inputs !== undefined;
    return isChosen && (look.kind !== "date" || hasTime) ? [] : [[name, look] as const];
  });
  const inDoubt = [...new Set(fieldsOf(roles))].flatMap((name) => {
    const look = isNew || seen.fields[name]?.kind !== "number" ? undefined : seen.looks?.[name];
    return look === undefined ? [] : [[name, look] as const];
  });
  const lines = [...lookLines(inDoubt), ...lookLines(looked).map((line) => `left out: ${line}`)];
  if (isNew || options.inputs !== undefined || roles.inputs.every(({ kind }) => kind === "symbols")) return lines;
  const others = texts.filter((name) => !looked.some(([one]) => one === name));
  return [...lines, ...(others.length > 0 ? [`columns of texts are no inputs: ${listed(others)}`] : [])];
}

/** `normal 93.1 %`. */
function balance({ names, counts }: PreparedSymbols): readonly string[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return names.map((name, at) => `${name} ${((100 * counts[at]) / total).toFixed(1)} %`);
}
