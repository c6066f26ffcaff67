/** The open questions that `explore` answers: what it is told, and what is made of its answer. */
import type { Command } from "commander";
import { expect, it } from "vitest";
import { buildProgram } from "../../../cli/program.ts";
import { analyses } from "../../../cli/reproduce/analyses.ts";
import type { AnalysisRequest, AnalysisResult } from "../../../cli/reproduce/analysis.ts";
import { scaleNames } from "../../../cli/reproduce/study.ts";

const answer = {
  ranking: {
    standings: [
      { placement: { hh: "batch", cc: "batch" }, best: true, measures: { accuracy: { mean: 0.424 } } },
      { placement: { hh: "layer" }, best: false, measures: {} },
    ],
  },
  conclusion: { sentence: "the first is the best" },
};

/** Runs an analysis on a command line that is only parsed; its `explore` answers as above. */
async function told(
  name: string,
  more: Partial<AnalysisRequest> = {},
): Promise<{ readonly options: Readonly<Record<string, unknown>>; readonly result: AnalysisResult | undefined }> {
  let options = {};
  const context = {
    output: {},
    parse: async (words: readonly string[]) => {
      let found: Command | undefined;
      const program = buildProgram(async (command) => {
        found = command;
      });
      await program.parseAsync([...words], { from: "user" });
      options = found!.opts();
      return {
        command: found!,
        work: async ({ output }: AnalysisRequest["context"]) => {
          output.result(answer);
          return 0;
        },
      };
    },
  } as unknown as AnalysisRequest["context"];
  const where = { target: "wasm", threads: undefined, data: undefined } as const;
  const request = {
    context,
    scale: "pilot",
    out: "out",
    of: undefined,
    runs: [],
    where,
    resume: false,
    ...more,
  } as const;
  return { result: await analyses[name].run(request), options };
}

it.each(scaleNames)(
  "tries a norm at each site, each pair, and all three, with noise in the first states: %s",
  async (scale) => {
    const { options } = await told("placements", { scale });
    const tried = (options.placement as readonly ReadonlyMap<string, unknown>[]).map((one) => JSON.stringify([...one]));
    expect(new Set(tried).size).toBe(15);
    expect(options).toMatchObject({ dims: { start: 0.1 }, noise: "drawn", task: "mnist-permuted", out: "out" });
  },
);

it("takes more seeds than its scale has", async () => {
  expect((await told("placements")).options.seeds).toBe(1);
  expect((await told("placements", { seeds: 3 })).options.seeds).toBe(3);
});

it("tries gains of cc beside batch norm at the other sites", async () => {
  const { options } = await told("cell-gain", { where: { target: "wasm", threads: 2, data: "d" }, resume: true });
  expect(options.placement).toHaveLength(6);
  expect(options).toMatchObject({
    workers: 2,
    data: expect.stringMatching(/d$/),
    resume: true,
    seeds: 2,
    budget: { steps: 400 },
  });
});

it("makes a table of the ranking, and a finding of the conclusion", async () => {
  const { result } = await told("placements");
  expect(result?.columns.map(({ title, texts }) => [title, ...texts])).toEqual([
    ["hh", "batch", "layer"],
    ["xh", "none", "none"],
    ["cc", "batch", "none"],
    ["validation accuracy", "42.4 %", "–"],
    ["remarks", "may be the best", ""],
  ]);
  expect(result?.findings).toMatchObject([{ holds: undefined, seen: "the first is the best" }]);
  expect(result?.measured).toMatchObject({ ranking: answer.ranking, budget: 400 });
});
