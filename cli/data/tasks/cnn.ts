/**
 * The sample of the CNN corpus (Hermann et al. 2015) that can be had: 200 questions on four sentences each, in bAbI's form. It shows that
 * a reader reads the corpus's form; how well it answers them means nothing.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { permutation } from "../shuffle.ts";
import type { RandomStreams, ReadyTask, Split } from "../task.ts";
import { type FileOptions, namedFolders, notFound } from "../task-folders.ts";
import { readTold, type Told, toldTask } from "./babi.ts";

const FILE = "cnn_4sentence_200.txt";

/** Shares of the questions in the file's order. */
const [TRAIN, VALIDATION] = [0.8, 0.1];

const isEntity = (word: string): boolean => /^@entity\d+$/.test(word);

/**
 * Entities get other numbers in each question, below the most that a question has, so that only the document tells the answer: those of
 * question n from draws n·M … of the stream `cnn/entities`, the same in every run. Throws C0405 if the file is nowhere.
 */
export async function cnnTask(options: FileOptions, streams: RandomStreams): Promise<ReadyTask> {
  const told = await readTold(await findFile(options));
  const entities = told.map(entitiesOf);
  const most = Math.max(...entities.map(({ length }) => length));
  const uniform = streams("cnn/entities");
  const renamed = told.map((one, at): Told => {
    const numbers = permutation(most, uniform, at * most);
    const names = new Map(entities[at].map((entity, i) => [entity, `@entity${numbers[i]}`]));
    const renamedIn = (words: readonly string[]): readonly string[] => words.map((word) => names.get(word) ?? word);
    return {
      ...one,
      document: renamedIn(one.document),
      question: renamedIn(one.question),
      answer: names.get(one.answer) ?? one.answer,
    };
  });
  const [validation, test] = [TRAIN, TRAIN + VALIDATION].map((share) => Math.round(share * told.length));
  const parts: Readonly<Record<Split, readonly Told[]>> = {
    train: renamed.slice(0, validation),
    validation: renamed.slice(validation, test),
    test: renamed.slice(test),
  };
  return toldTask("cnn", `a sample of ${told.length} questions of the CNN corpus, on four sentences each`, parts);
}

const entitiesOf = ({ document, question, answer }: Told): readonly string[] => [
  ...new Set([...document, ...question, answer].filter(isEntity)),
];

async function findFile(options: FileOptions): Promise<string> {
  const folders = namedFolders("cnn_qa_sample", options);
  for (const folder of folders) {
    const path = join(folder, FILE);
    try {
      await access(path);
      return path;
    } catch {}
  }
  throw notFound(
    "the CNN sample",
    folders.map((folder) => `${folder}: no ${FILE}`),
    `put ${FILE} into a folder and name it with --data DIR or CELLC_DATA; or use the generated task cloze`,
  );
}
