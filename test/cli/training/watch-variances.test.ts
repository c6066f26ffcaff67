import { expect, it } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import type { Statistic } from "../../../cli/statistics/statistic.ts";
import { varianceWarnings } from "../../../cli/training/watch-variances.ts";
import { compile } from "../../../compiler/compile.ts";
import { wasm } from "../../../targets/wasm/target.ts";

const options = { batch: 4, time: 3, dims: { D: 2, H: 1 }, entries: ["infer"] as const };
const { sites } = compile("examples/cells/bnlstm.cell", options, wasm, fileHost);

/** What is said of a statistic of one unit a step. */
const said = (values: readonly number[], more: Partial<Statistic> = {}): readonly (readonly [string, string])[] => {
  const statistic: Statistic = {
    ...{
      name: "hh/v",
      site: "hh",
      recurrent: true,
      is: "variance",
      policy: "per_step",
      about: undefined,
      epsilon: 1e-5,
    },
    ...{ rows: values.length, units: 1, values: Float32Array.from(values), batches: values.map(() => 1) },
    ...more,
  };
  return varianceWarnings([statistic], sites).map(({ code, message }) => [code, message]);
};

it("an ε as large as the median variance above zero is said, with the place", () => {
  expect(said([0, 1e-4, 2e-4, 3e-4], { epsilon: 1e-3 })).toEqual([
    ["W0607", "at `hh` ε is 0.001, as large as the variance it guards, 0.00020"],
  ]);
  expect(sites.find(({ name }) => name === "hh")?.span.file).toBe("examples/cells/bnlstm.cell");
});

it("a deviation is looked at without the ε in it", () => {
  const deviation = (variance: number) =>
    said([Math.sqrt(variance + 1e-3)], { is: "deviation", epsilon: 1e-3 }).map(([code]) => code);
  expect(deviation(5e-4)).toEqual(["W0607"]);
  expect(deviation(5e-3)).toEqual([]);
  expect(said([Math.sqrt(1e-3), Math.sqrt(1e-3), 1], { is: "deviation", epsilon: 1e-3 })).toEqual([
    ["W0609", "at `hh` the examples of the first batch are alike at steps 1–2, in all 1 units"],
  ]);
});

it("a variance of zero after the first step of a recurrence is reported, with the steps and the units", () => {
  const values = Float32Array.from([0, 0, 0, 1, 0, 1, 1, 1]);
  expect(said([0, 0, 0, 0], { units: 2, values, batches: [1, 1, 1, 1] })).toEqual([
    ["W0609", "at `hh` the examples of the first batch are alike at steps 1–3, in all 2 units"],
  ]);
});

it.each([
  ["a smaller ε", [1e-4, 2e-4, 3e-4], {}],
  ["a variance of zero at the first step, where nothing multiplies", [0, 1, 1], {}],
  ["a variance of zero at a site that no state reaches", [0, 0, 0], { name: "xh/v", site: "xh", recurrent: false }],
  ["a variance that no norm divides by", [1e-9], { epsilon: undefined }],
])("nothing is said of %s", (_, values, more) => {
  expect(said(values, more)).toEqual([]);
});
