import { expect, it } from "vitest";
import { watchEpsilon } from "../../../cli/training/large-epsilon.ts";
import type { Learner } from "../../../cli/training/learner.ts";
import type { Guard } from "../../../compiler/proofs/guards.ts";

const plain = (text: string): string => text;
const settings = { learningRate: 0.1, clip: undefined, momentum: 0.1 };
const batch = { examples: 1, steps: 1, inputs: {} };

/** What is said behind each of the first two steps of a training from step `from` on, whose statistic is `values`. */
async function said(
  values: readonly number[],
  epsilon: number,
  is: Guard["is"] = "variance",
  from = 0,
): Promise<string[]> {
  let step = from;
  const words: string[] = [];
  const learner: Learner = {
    get step() {
      return step;
    },
    async train() {
      step++;
      return { loss: 1, metrics: {} };
    },
    estimate: async () => true,
    evaluate: async () => ({ loss: 1, metrics: {} }),
    save: async () => {},
  };
  const watched = watchEpsilon(
    learner,
    { read: async () => Float32Array.from(values) },
    [{ site: "rnn/hh", statistic: "rnn/hh/v", epsilon, is }],
    {
      warn: (text) => void words.push(text),
      errorColors: { bold: plain, red: plain, yellow: plain, cyan: plain } as never,
    },
  );
  for (let k = 0; k < 2; k++) await watched.train(batch, settings);
  expect(watched.step).toBe(from + 2);
  return words;
}

it("an ε as large as the median variance is said once, behind the first step", async () => {
  const words = await said([0, 0, 0, 0, 1e-4, 2e-4, 3e-4], 1e-3);
  expect(words.length).toBe(1);
  expect(words[0]).toContain("W0607");
  expect(words[0]).toContain("at `rnn.hh` ε is 0.001");
  expect(words[0]).toContain("0.00020");
});

it("a deviation is looked at without the ε in it", async () => {
  const [small, large] = [5e-4, 5e-3].map((v) => [Math.sqrt(v + 1e-3)]);
  expect((await said(small, 1e-3, "deviation")).length).toBe(1);
  expect(await said(large, 1e-3, "deviation")).toEqual([]);
});

it.each([
  ["a smaller ε", [1e-4, 2e-4, 3e-4], 1e-5, 0],
  ["variances of zero, which say nothing of ε", [0, 0, 0], 1e-5, 0],
  ["a training that goes on", [1e-4], 1e-3, 5],
])("nothing is said of %s", async (_, values, epsilon, from) => {
  expect(await said(values, epsilon, "variance", from)).toEqual([]);
});
