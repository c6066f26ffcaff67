/**
 * Questions of bAbI (Weston et al. 2015) whose answer is a word of the story, as the Attentive Reader needs it. The stories are those of
 * 10,000 training questions a task; the last tenth of each task's training stories is for validation.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { exit, Failure } from "../../failure.ts";
import { openBytes } from "../byte-source.ts";
import { openBabi } from "../formats/babi.ts";
import type { ReadyTask, Split } from "../task.ts";
import { type FileOptions, namedFolders, notFound } from "../task-folders.ts";
import { encoderOf, makeVocabulary, UnknownSymbol } from "../vocabulary.ts";
import { type Passage, readingTask } from "./reading.ts";

/**
 * bAbI's tasks in which every answer is one word of the story. In the others some are not: yes, no, counts, directions, lists of things,
 * and in tasks 15 and 20 words that the story does not have.
 */
export const ANSWERED_IN_STORY = [1, 2, 3, 4, 5, 11, 12, 13, 14, 16] as const;

/**
 * Those that are trained on together: where somebody is, told in four ways. Their stories have 12 to 87 words, which two cores can train on;
 * those of 2, 3 and 5 are several times as long. As batches have stories of like length, tasks must not differ much in it: else there are
 * batches of one task, with other words at each step of a question, and their statistics are far from those of all. All stories of 4
 * have 16 words and all of 16 have 41, and those of 14 are longer than these.
 */
const TOGETHER = [1, 11, 12, 13] as const;

const VALIDATION = 0.1;

/** A question as it is written. */
export interface Told {
  readonly document: readonly string[];
  readonly question: readonly string[];
  readonly answer: string;
  /** Whether it belongs to the story of the question before. */
  readonly withBefore: boolean;
}

/** The questions of a file in bAbI's form. Throws as `openBabi` does. */
export async function readTold(path: string): Promise<readonly Told[]> {
  const { pieces } = await openBabi(await openBytes(path, noInput()));
  const told: Told[] = [];
  for await (const { values, withBefore = false } of pieces()) {
    const words = values.w as readonly string[];
    const from = (values.question as Float64Array).indexOf(1);
    const [answer] = values.y as readonly string[];
    told.push({ document: words.slice(0, from), question: words.slice(from), answer, withBefore });
  }
  return told;
}

async function* noInput(): AsyncGenerator<never> {}

/** The tasks that are trained on together, or one task. Throws C0405 if files of it are nowhere, and C0402 for a damaged one. */
export async function babiTask(number: number | undefined, options: FileOptions): Promise<ReadyTask> {
  const name = number === undefined ? "babi" : `babi-${number}`;
  const numbers = number === undefined ? TOGETHER : [number];
  const files = await findFiles(numbers, options);
  const tasks: Record<Split, (readonly Told[])[]> = { train: [], validation: [], test: [] };
  for (const { train, test } of files) {
    const told = await readTold(train);
    const cut = lastStories(told);
    tasks.train.push(told.slice(0, cut));
    tasks.validation.push(told.slice(cut));
    tasks.test.push(await readTold(test));
  }
  const parts = { train: inTurn(tasks.train), validation: inTurn(tasks.validation), test: inTurn(tasks.test) };
  return toldTask(name, `bAbI ${numbers.join(", ")}: stories, and questions that a word of the story answers`, parts);
}

/** A question of each task, the next of each, and so on: the first examples of a split, of which statistics are estimated, are of all. */
function inTurn(tasks: readonly (readonly Told[])[]): readonly Told[] {
  const most = Math.max(...tasks.map(({ length }) => length));
  return Array.from({ length: most }, (_, at) => tasks.flatMap((told) => told.slice(at, at + 1))).flat();
}

/** Where the last tenth of the stories begins. */
function lastStories(told: readonly Told[]): number {
  const begins = told.flatMap(({ withBefore }, at) => (withBefore ? [] : [at]));
  return begins[Math.floor(begins.length * (1 - VALIDATION))] ?? told.length;
}

/** The vocabulary is that of the training part; other words are all one word. Throws C0402 for an answer that the training part lacks. */
export function toldTask(name: string, summary: string, parts: Readonly<Record<Split, readonly Told[]>>): ReadyTask {
  const counted = (symbols: Iterable<string>): ReadonlyMap<string, number> => {
    const counts = new Map<string, number>();
    for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    return counts;
  };
  const vocabulary = makeVocabulary(
    counted(parts.train.flatMap(({ document, question }) => [...document, ...question])),
    { unknown: true },
  );
  const answers = makeVocabulary(counted(parts.train.map(({ answer }) => answer)));
  const [wordOf, answerOf] = [encoderOf(vocabulary), encoderOf(answers)];
  const encoded = (split: Split): readonly Passage[] =>
    parts[split].map(({ document, question, answer }) => {
      try {
        return {
          document: Uint16Array.from(document, wordOf),
          question: Uint16Array.from(question, wordOf),
          answer: answerOf(answer),
        };
      } catch (error) {
        if (!(error instanceof UnknownSymbol)) throw error;
        throw new Failure(
          "C0402",
          exit.input,
          `${name}: the answer ${answer} in ${split} is none of the training part's`,
        );
      }
    });
  const passages = { train: encoded("train"), validation: encoded("validation"), test: encoded("test") };
  const lengthOf = ({ document, question }: Passage): number => Math.max(document.length, question.length);
  return readingTask({
    name,
    summary,
    words: vocabulary.names,
    answers: answers.names,
    splits: { train: passages.train.length, validation: passages.validation.length, test: passages.test.length },
    steps: Object.values(passages)
      .flat()
      .reduce((most, passage) => Math.max(most, lengthOf(passage)), 1),
    length: (split, index) => lengthOf(passages[split][index]),
    passage: (split, index) => passages[split][index],
  });
}

interface Files {
  readonly train: string;
  readonly test: string;
}

/** The files of the first folder that has all of them. */
async function findFiles(numbers: readonly number[], options: FileOptions): Promise<readonly Files[]> {
  const looked: string[] = [];
  for (const place of namedFolders("babi", options)) {
    const [large, small] = [await filesIn(join(place, "en-10k")), await filesIn(join(place, "en"))];
    const found = numbers.map(
      (number): Partial<Files> => ({
        train: large.find((path) => isOf(path, number, "train")),
        // The test files of both folders are the same.
        test: [...small, ...large].find((path) => isOf(path, number, "test")),
      }),
    );
    const lacks = found.flatMap(({ train, test }, at) => [
      ...(train === undefined ? [`en-10k/qa${numbers[at]}_*_train.txt`] : []),
      ...(test === undefined ? [`en/qa${numbers[at]}_*_test.txt`] : []),
    ]);
    if (lacks.length === 0) return found as readonly Files[];
    const none = lacks.length === 2 * numbers.length;
    looked.push(`${place}: ${none ? "none of the files" : `lacks ${lacks.join(", ")}`}`);
  }
  throw notFound(
    numbers.length === 1 ? `bAbI's task ${numbers[0]}` : "bAbI",
    looked,
    "unpack bAbI's tasks_1-20_v1-2 into a folder with en and en-10k (files with or without .gz), and name it with --data DIR or CELLC_DATA; or use the generated task cloze",
  );
}

const isOf = (path: string, number: number, part: string): boolean =>
  new RegExp(`[\\\\/]qa${number}_[^\\\\/]*_${part}\\.txt(?:\\.gz)?$`).test(path);

async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort().map((name) => join(folder, name));
  } catch {
    return [];
  }
}
