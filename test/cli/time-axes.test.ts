/** Tasks of several time axes, from a module to what every command makes of them. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Task } from "../../cli/data/task.ts";
import { checkedTask } from "../../cli/data/task-schema.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

/**
 * A task that a model can learn by heart: each word of a question is to be tagged with whether it is 1, and the first word of a document
 * says whether to turn that around. Example n has n % 5 + 3 words, and is asked n % 3 + 1.
 */
const module = (change: (text: string) => string = (text) => text): string =>
  change(`
const sizes = { train: 40, validation: 10, test: 10 };
const word = (n, t) => ((n + 1) * (t + 3) * 7919) % 2;
const long = (n) => (n % 5) + 3;
const asked = (n) => (n % 3) + 1;
export const task = {
  name: "turns", summary: "words that a document turns around", steps: 7, dims: { V: 2, K: 2 }, splits: sizes,
  inputs: {
    document: { kind: "index", size: 2, time: true },
    question: { kind: "index", size: 2, time: true, axis: "question" },
    y: { kind: "index", size: 2, time: true, axis: "question" },
  },
  lengths: (split) => Uint32Array.from({ length: sizes[split] }, (_, n) => long(n)),
  batch(split, indices) {
    const own = [...indices];
    const [T, S, B] = [Math.max(...own.map(long)), Math.max(...own.map(asked)), own.length];
    const over = (steps, of) => Float32Array.from({ length: steps * B }, (_, i) => of(own[i % B], Math.floor(i / B)));
    return {
      inputs: {
        document: over(T, word),
        question: over(S, (n, t) => word(n, t + 1)),
        y: over(S, (n, t) => (word(n, t + 1) + word(n, 0)) % 2),
      },
      steps: T, examples: B,
      lengths: { time: Uint32Array.from(own, long), question: Uint32Array.from(own, asked) },
    };
  },
};
`);

const model = `cell rnn(D = 2, H = 4) {
  param W : [D, H] = xavier
  param U : [H, H] = orthogonal
  input x : [D]
  input c : [H]
  state h : [H] = 0
  site hh = h @ U
  h' = tanh(hh + x @ W + c)
  output h'
  place hh : batch
}
model tagger(V = 2, H = 4, K = 2) {
  param R : [H, K] = orthogonal
  param z : [H] = 0
  input document : index(V) over time
  input question : index(V) over time question
  target y       : index(K) over time question
  hs = scan rnn(V, H) as reads over one_hot(document, V), z
  site told = last(hs)
  qs = scan rnn(V, H) as asks over one_hot(question, V), told
  logits = qs @ R
  output logits
  loss cross_entropy(logits, y)
  metric accuracy = correct(logits, y)
  place told : batch
}
`;

/** Steps that ten examples of a split are asked in: 1, 2 and 3 in turn. */
const ASKED = 19;

test("every command takes lengths and steps along each axis", () =>
  withFolder(async (folder) => {
    const [cell, task, run] = ["tagger.cell", "turns.mjs", "run"].map((name) => join(folder, name));
    await writeFile(cell, model);
    await writeFile(task, module());
    const json = async (...args: string[]) => {
      const { code, stdout, stderr } = await cellc([...args, "--json"]);
      expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
      return JSON.parse(stdout);
    };
    await json("train", cell, "--task", task, "--batch", "4", "--steps", "20", "--lr", "0.02", "--out", run);

    const measured = await json("eval", run, "--split", "test");
    const { confusion } = measured.reports.y as { confusion: readonly (readonly number[])[] };
    expect(confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(ASKED);

    await json("predict", run, "--split", "test", "--out", join(folder, "rows.csv"));
    const rows = (await readFile(join(folder, "rows.csv"), "utf8")).trim().split("\n");
    expect(rows).toHaveLength(1 + ASKED);

    const { statistics } = await json("stats", run);
    const batches = Object.fromEntries(
      (statistics as { name: string; batches: readonly number[] }[]).map((one) => [one.name, one.batches]),
    );
    // Nobody is asked in more than three steps; documents have up to seven.
    expect(batches["asks/hh/m"].map((count) => count > 0)).toEqual([1, 1, 1, 0, 0, 0, 0].map(Boolean));
    expect(batches["reads/hh/m"].every((count) => count > 0)).toBe(true);

    const { measured: by } = await json("stats", run, "--drift");
    // Those of the last evaluation are estimated from the same examples.
    expect(by.estimated.loss).toBeCloseTo(by.stored.loss, 5);
    expect(Number.isFinite(by.batch.loss)).toBe(true);

    const { flows } = await json(
      ...["gradflow", cell, "--task", task, "--batch", "40", "--gamma", "0.1", "--steps", "0", "--out", folder],
    );
    const steps = (flows as { state: string; norms: readonly number[] }[]).map(({ state, norms }) => [
      state,
      norms.length,
    ]);
    expect(Object.fromEntries(steps)).toEqual({ h: 7, h_2: 3 });

    expect((await cellc(["data", task])).stdout).toMatch(/document\[0\] .*\n {2}question\[0\]/);
  }));

test("a model that has the inputs over other axes is refused, with both", () =>
  withFolder(async (folder) => {
    const [cell, task] = ["tagger.cell", "turns.mjs"].map((name) => join(folder, name));
    await writeFile(
      cell,
      model.replace("question : index(V) over time question", "question : index(V) over time asked"),
    );
    await writeFile(task, module());
    const ended = await cellc(["train", cell, "--task", task, "--batch", "4", "--out", join(folder, "run")]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("C0240")]);
    const other = model.replaceAll("over time question", "over time asked");
    await writeFile(cell, other);
    const again = await cellc(["train", cell, "--task", task, "--batch", "4", "--out", join(folder, "run")]);
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining(
        "question: the model wants whole numbers below 2 over time asked, the task gives whole numbers below 2 over time question",
      ),
    ]);
  }));

test.each([
  [
    "lengths along no axis",
    (text: string) => text.replace(/lengths: \{ time.*\}/, "lengths: Uint32Array.from(own, long)"),
    "does not say along which of the time axes time, question",
  ],
  [
    "lengths along an axis that it does not have",
    (text: string) => text.replace("question: Uint32Array", "answer: Uint32Array"),
    "lengths along answer, which is no axis of the task",
  ],
  [
    "lengths of other examples",
    (text: string) => text.replace("question: Uint32Array.from(own, asked)", "question: Uint32Array.of(1)"),
    "lengths of a batch are no Uint32Array of its 4 examples",
  ],
  [
    "an example that is longer than the batch",
    (text: string) => text.replace("Uint32Array.from(own, asked)", "Uint32Array.from(own, () => 4)"),
    "an example of 4 steps, and 3 steps along question",
  ],
  [
    "targets of other steps than the question",
    (text: string) => text.replace("y: over(S,", "y: over(S - 1,"),
    "y of a batch is no Float32Array of 12 numbers",
  ],
  [
    "more steps than the task says",
    (text: string) => text.replace("over(S, (n, t) => word(n, t + 1))", "over(8, word)"),
    "question of a batch has 8 steps along question, and task.steps is 7",
  ],
  [
    "an axis where nothing varies",
    (text: string) => text.replace('time: true, axis: "question" },\n  }', 'time: false, axis: "question" },\n  }'),
    "task.inputs.y has an axis, and does not vary over time",
  ],
  [
    "an only axis with a name",
    (text: string) => text.replace("size: 2, time: true }", 'size: 2, time: true, axis: "question" }'),
    "an only axis is the main one",
  ],
  [
    "sequences in parts",
    (text: string) => text.replace("lengths: (split)", "sequences: () => Uint32Array.of(1), lengths: (split)"),
    "there are several time axes: time, question",
  ],
])("a task with %s is refused", async (_, change, words) => {
  const found = module(change);
  expect(found).not.toBe(module());
  const { task } = (await import(`data:text/javascript,${encodeURIComponent(found)}`)) as { task: Task };
  const made = async () => checkedTask(task, "here").batch("train", Uint32Array.of(0, 1, 2, 3));
  await expect(made()).rejects.toMatchObject({ code: "C0406", message: expect.stringContaining(words) });
});
