/**
 * Small batches, which the paper leaves open: where batch norm stops paying, beside layer norm, which does not see the batch, and batch
 * renormalization, which is meant for small ones. On MNIST read row by row, which is quick enough for many runs.
 */
import { forget, recurrent } from "../readings.ts";
import { type Claim, ofBuiltInTask, type Study, type Variant } from "../study.ts";
import { variants } from "../variants.ts";

const SIZES = [2, 4, 8, 16, 32, 64, 128, 256] as const;

/** Images that each run is trained on, so that all see as many. */
const IMAGES = 50_000;

const MODELS = ["lstm", "bn-lstm", "batch-renorm", "ln-lstm"] as const;
type Model = (typeof MODELS)[number];

/** The limits of r and d widen from a tenth of the training to its half, as Ioffe's do of a longer one. */
const renorm = (steps: number, more = ""): string => {
  const ramp = (from: number, to: number): string =>
    `ramp(${from},${to},${Math.ceil(steps / 10)},${Math.ceil(steps / 2)})`;
  return `batch_renorm(${more}r_max=${ramp(1, 3)},d_max=${ramp(0, 5)})`;
};

function settingsOf(model: Model, size: number): Variant["settings"] {
  const steps = Math.floor(IMAGES / size);
  const each = { batch: size, steps, "evaluate-every": Math.ceil(steps / 5) };
  if (model !== "batch-renorm") return { ...each, ...variants[model].settings };
  const input = renorm(steps, "beta=none,");
  return { ...each, place: { hh: input, xh: input, cc: renorm(steps) } };
}

const all = Object.fromEntries(
  SIZES.flatMap((size) =>
    MODELS.map((model): [string, Variant] => [
      `${model}-${size}`,
      {
        title: `${model === "batch-renorm" ? "batch renormalization (Ioffe 2017)" : variants[model].title}, batches of ${size}`,
        settings: settingsOf(model, size),
        at: { series: model, x: size },
        ...(model !== "ln-lstm" && { baseline: `ln-lstm-${size}` }),
      },
    ]),
  ),
);

const claim = (candidate: Model, size: number): Claim => ({
  ...{ kind: "better", candidate: `${candidate}-${size}`, than: `ln-lstm-${size}`, by: 0 },
});

export const batchSize: Study = {
  title: "Batch sizes, on MNIST row by row",
  section: "7, which leaves small batches open",
  file: "paper/smnist.cell",
  measure: { measure: "accuracy", direction: "max" },
  settings: {
    ...{ task: "mnist-rows", optimizer: "adam", lr: "1e-3", clip: 1, estimate: 5000 },
    ...{ "best-by": "accuracy", test: true },
  },
  data: ofBuiltInTask,
  variants: all,
  axis: { label: "examples in a batch", type: "log" },
  baseline: "ln-lstm-64",
  scales: {
    smoke: {
      cut: "20 units and 20 iterations: it shows that everything runs, and nothing else",
      settings: { dims: { H: 20 }, steps: 20, "evaluate-every": 20, estimate: 100 },
      seeds: 1,
      variants: ["bn-lstm-2", "batch-renorm-8"],
    },
    pilot: {
      cut: "one epoch of 50,000 images for each size, by Adam at a rate of 1e-3 for all; the paper has no such experiment",
      settings: {},
      seeds: 1,
    },
    paper: { cut: "the same with three seeds; the paper has no such experiment", settings: {}, seeds: 3 },
  },
  claims: SIZES.flatMap((size) => [claim("bn-lstm", size), claim("batch-renorm", size)]),
  readings: { recurrent, forget },
  notes: [
    "All sizes see as many images, so that small batches are more updates.",
    "The population's variance is the mean of the batches' variances, as in the paper: of batches of n, (n − 1) / n of the true one.",
  ],
};
