/** Tasks of reading: what their examples are, and what their files must have. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { exampleText } from "../../../cli/data/picture.ts";
import type { ReadyTask, Split, Task } from "../../../cli/data/task.ts";
import { checkedTask } from "../../../cli/data/task-schema.ts";
import { babiTask } from "../../../cli/data/tasks/babi.ts";
import { clozeTask } from "../../../cli/data/tasks/cloze.ts";
import { cnnTask } from "../../../cli/data/tasks/cnn.ts";
import { lengthsAlong, stepsOf } from "../../../cli/data/time-axes.ts";
import { testStreams } from "../../data/draws.ts";
import { withFolder } from "../../data/mnist.ts";
import { dataFolder } from "./formats/shared-data.ts";

const nowhere = { offline: true, environment: {}, say: () => {} };
const shared = { ...nowhere, directory: dataFolder() };

const numbers = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, at) => at);

/** Document, question and answer of an example, as words. */
async function told(task: Task, split: Split, index: number) {
  const [document, question, answer] = (await task.text!(split, index)).split("\n");
  return { document: document.split(" "), question: question.split(" "), answer };
}

const cloze = clozeTask(testStreams);
const tasks: readonly ReadyTask[] = [cloze, await babiTask(1, shared), await cnnTask(shared, testStreams)];

describe.each(tasks.map((task) => [task.name, task] as const))("%s", (name, task) => {
  test("has documents and questions on axes of their own, with the lengths of each", async () => {
    const batch = task.batch("train", Uint32Array.of(4, 0, 9));
    const { inputs, steps, examples } = batch;
    const lengths = lengthsAlong(batch)!;
    const asked = lengthsAlong(batch, "question")!;
    expect(steps).toBe(Math.max(...lengths));
    expect(inputs.document).toHaveLength(steps * examples);
    expect(stepsOf(batch, "question", task.inputs.question)).toBe(Math.max(...asked));
    for (const [e, index] of [4, 0, 9].entries()) {
      const { document, question } = await told(task, "train", index);
      expect([lengths[e], asked[e]]).toEqual([document.length, question.length]);
      expect(task.lengths!("train")[index]).toBe(Math.max(document.length, question.length));
    }
  });

  test("gives an example the same words in any batch and at any place", () => {
    const alone = task.batch("test", Uint32Array.of(7));
    const among = task.batch("test", Uint32Array.of(3, 7, 5));
    for (const input of ["document", "question"]) {
      const own = alone.inputs[input];
      expect(Array.from(own, (_, t) => among.inputs[input][3 * t + 1])).toEqual(Array.from(own));
    }
    expect(among.inputs.y[1]).toBe(alone.inputs.y[0]);
  });

  test("has an answer that the document tells", async () => {
    for (const split of ["train", "validation", "test"] as const)
      for (const index of [0, 3, task.splits[split] - 1]) {
        const { document, answer } = await told(task, split, index);
        expect(document).toContain(answer);
      }
  });

  test("has a form that a task of a module could have, and refuses an example outside its split", async () => {
    const checked = checkedTask(task, "here");
    await expect(checked.batch("validation", numbers(5))).resolves.toMatchObject({ examples: 5 });
    expect(() => task.batch("test", Uint32Array.of(task.splits.test))).toThrow(RangeError);
    expect(await exampleText(task, "train", 0)).toContain(
      `train 0: y = ${task.batch("train", numbers(1)).inputs.y[0]}`,
    );
    expect(task.dims).toEqual({
      V: expect.any(Number),
      K: (task.outputs!.y as { names: readonly string[] }).names.length,
    });
    expect(name).toBe(task.name);
  });
});

describe("the cloze task", () => {
  test("has documents of 20 to 100 words, of every length, and the same lengths as it says", () => {
    const lengths = cloze.lengths!("validation");
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([20, 100]);
    expect(new Set(lengths).size).toBe(81);
    expect(Array.from(lengthsAlong(cloze.batch("validation", numbers(50)))!)).toEqual(Array.from(lengths.slice(0, 50)));
  });

  test("asks what one sentence of the document tells, among others with its verb and with its object", async () => {
    let [verbs, objects, cast] = [0, 0, 0];
    for (let index = 0; index < 300; index++) {
      const { document, question, answer } = await told(cloze, "train", index);
      const [placeholder, verb, the, object, mark] = question;
      expect([placeholder, the, mark]).toEqual(["@placeholder", "the", "?"]);
      const sentences = document
        .join(" ")
        .split(" . ")
        .map((said) => said.split(" "));
      const subject = (said: readonly string[]) => said.find((word) => word.startsWith("@entity"));
      const fitting = sentences.filter((said) => said.includes(verb) && said.includes(object));
      expect(fitting.map(subject)).toEqual([answer]);
      verbs += Number(sentences.filter((said) => said.includes(verb)).length > 1);
      objects += Number(sentences.filter((said) => said.includes(object)).length > 1);
      cast += new Set(sentences.map(subject)).size;
    }
    expect(verbs).toBeGreaterThan(150);
    expect(objects).toBeGreaterThan(150);
    expect(cast / 300).toBeGreaterThan(3);
  });

  test("gives every entity number as often as any other, so that no answer can be known without its document", () => {
    const { y } = cloze.batch("train", numbers(8000)).inputs;
    const counts = new Float64Array(16);
    for (const answer of y) counts[answer]++;
    // Five standard deviations of 500 ± 21.7.
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(5 * 21.7);
  });
});

describe("bAbI", () => {
  test("as it is published, is 40,000 questions of four tasks in turn, of which a tenth of the stories is for validation", async () => {
    const task = await babiTask(undefined, shared);
    expect(task.splits).toEqual({ train: 36_000, validation: 4_000, test: 4_000 });
    expect(task.steps).toBe(87);
    expect(task.dims.V).toBeLessThan(150);
    const { names } = task.outputs!.y as { names: readonly string[] };
    expect(names).toEqual(["bathroom", "bedroom", "garden", "hallway", "kitchen", "office"]);
    // The first questions of tasks 1, 11, 12 and 13, and then the second of the first story of task 1.
    const [first, , , , second] = await Promise.all([0, 1, 2, 3, 4].map((at) => told(task, "train", at)));
    expect((await told(task, "train", 2)).document.slice(0, 3)).toEqual(["mary", "and", "daniel"]);
    expect(second.document.slice(0, first.document.length)).toEqual(first.document);
    // Test stories have no word that the training part lacks.
    const unknown = task.dims.V - 1;
    expect(task.batch("test", numbers(4_000)).inputs.document).not.toContain(unknown);
  });

  const story = (n: number, place: string, extra = ""): string =>
    `1 Mary went to the ${place}.\n2 Where is Mary?\t${place}\t1\n3 ${extra || "She"} went away.\n4 Where was Mary ${n}?\t${place}\t1\n`;

  /** A folder with en-10k and en of task 1. */
  const inFolder = <T>(train: string, tested: string, use: (folder: string) => Promise<T>): Promise<T> =>
    withFolder(async (folder) => {
      for (const part of ["en-10k", "en"]) await mkdir(join(folder, "babi", part), { recursive: true });
      await writeFile(join(folder, "babi", "en-10k", "qa1_x_train.txt.gz"), gzipSync(train));
      await writeFile(join(folder, "babi", "en", "qa1_x_test.txt"), tested);
      return use(folder);
    });
  const twenty = Array.from({ length: 20 }, (_, n) => story(n, n % 2 ? "office" : "garden")).join("");

  test("keeps stories whole: both questions of the last two of twenty are for validation", () =>
    inFolder(twenty, story(0, "office", "Stranger"), async (directory) => {
      const task = await babiTask(1, { ...nowhere, directory });
      expect(task.splits).toEqual({ train: 36, validation: 4, test: 2 });
      // The number in the second question is that of the story.
      expect((await told(task, "train", 35)).question).toContain("17");
      // 18 is in no training story, and neither is the stranger.
      expect((await told(task, "validation", 1)).question).toContain("<unk>");
      expect((await told(task, "test", 1)).document).toContain("<unk>");
    }));

  test("is refused with C0402 if the test has an answer that the training part never has", () =>
    inFolder(twenty, story(0, "attic"), async (directory) => {
      await expect(babiTask(1, { ...nowhere, directory })).rejects.toMatchObject({
        code: "C0402",
        message: expect.stringContaining("the answer attic in test"),
      });
    }));

  test("is refused with C0405, every folder and what it lacks, where files are missing", () =>
    inFolder(twenty, twenty, async (directory) => {
      // The folder that --data names is meant, and no other is read in its place.
      const environment = { CELLC_DATA: dataFolder() };
      await expect(babiTask(2, { ...nowhere, directory, environment })).rejects.toMatchObject({
        code: "C0405",
        exitCode: 3,
        message: expect.stringMatching(/bAbI's task 2 .*\n.*: none of the files\n.*babi: none of the files$/),
      });
      await expect(babiTask(undefined, { ...nowhere, directory })).rejects.toMatchObject({
        message: expect.stringMatching(/babi: lacks en-10k\/qa11_\*_train\.txt, en\/qa11_\*_test\.txt/),
      });
      await expect(babiTask(1, nowhere)).rejects.toMatchObject({
        message: expect.stringContaining("neither --data nor CELLC_DATA names one"),
      });
    }));
});

describe("the CNN sample", () => {
  const task = tasks[2];

  test("has other numbers for its entities than the file, the same in every run, and different ones in a document", async () => {
    const { document, answer } = await told(task, "train", 0);
    expect(document.join(" ")).not.toContain("@entity192");
    expect(await told(await cnnTask(shared, testStreams), "train", 0)).toEqual({
      document,
      question: expect.anything(),
      answer,
    });
    // In the file they are 192, 1, 202 and 204.
    expect(new Set(document.filter((word) => word.startsWith("@entity"))).size).toBe(4);
    expect(task.splits).toEqual({ train: 160, validation: 20, test: 20 });
  });

  test("is refused with C0405 and every folder where it is missing", async () => {
    await expect(cnnTask({ ...nowhere, directory: "/nowhere" }, testStreams)).rejects.toMatchObject({
      code: "C0405",
      message: expect.stringMatching(/\/nowhere: no cnn_4sentence_200\.txt\n.*\/nowhere\/cnn_qa_sample: no/),
    });
  });
});
