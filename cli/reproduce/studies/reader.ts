/**
 * The Attentive Reader (Cooijmans et al. 2016, section 5.4, table 4, figure 4), on questions that can be had: the CNN corpus cannot, but for
 * a sample that only proves that it is read.
 */
import type { Settings } from "../settings.ts";
import { ofBuiltInTask, type Study, type Variant } from "../study.ts";
import { byRecurrentNorm, variants as cells } from "../variants.ts";

/** The learning rate and the batch of the last two are the paper's own, too. */
const reduced: Settings = { batch: 40, lr: "8e-4" };

const entries: Readonly<Record<string, Variant>> = {
  lstm: { title: "LSTM", settings: { entry: "lstm_reader" } },
  "bidirectional-lstm": { title: "LSTM, in both directions", settings: { entry: "bidirectional_reader" } },
  "bn-lstm": { title: "BN-LSTM", settings: { entry: "bn_lstm" }, batchNorm: "recurrent" },
  "bn-everywhere": {
    title: "BN-everywhere: attention and readout, too",
    settings: { entry: "bn_everywhere" },
    batchNorm: "recurrent",
  },
  "bn-e-star": {
    title: "BN-e*: words normalized sequence-wise",
    settings: { entry: "bn_e_star", ...reduced },
    batchNorm: "recurrent",
  },
  "bn-e-star-star": {
    title: "BN-e**: the same, in both directions",
    settings: { entry: "bn_e_star_star", ...reduced },
    batchNorm: "recurrent",
  },
};

/** What stands beside them in the other studies, in the place of the encoders' LSTM. */
const BESIDE = {
  "shifted-lstm": "lstm",
  "input-bn": "input-bn",
  "input-sequence": "input-sequence",
  "ln-lstm": "ln-lstm",
} as const;

const variants: Readonly<Record<string, Variant>> = {
  ...entries,
  ...Object.fromEntries(
    Object.entries(BESIDE).map(([name, cell]): [string, Variant] => {
      const { title, settings, ...more } = cells[cell];
      return [name, { ...more, title: `encoders: ${title}`, settings: { entry: "lstm_reader", ...settings } }];
    }),
  ),
};

const common = {
  section: "5.4, table 4, figure 4",
  file: "paper/reader.cell",
  measure: { measure: "accuracy", direction: "max" },
  settings: { optimizer: "adam", lr: "8e-5", clip: 10, batch: 64, "best-by": "accuracy", test: true },
  variants,
  baseline: "lstm",
  claims: [{ kind: "sooner", candidate: "bn-e-star-star", than: "lstm", what: "best", within: 0.5 }],
  readings: {},
} as const satisfies Partial<Study>;

const paper = {
  cut: "the paper's model, 240 units, by its rates; 100,000 iterations of up to 800,000",
  settings: { dims: { D: 240, H: 240 }, steps: 100_000, "evaluate-every": 1000 },
  seeds: 1,
};

const smoke = {
  cut: "8 units, 6 iterations of 16 questions: it shows that everything runs, and nothing else",
  settings: { dims: { D: 8, H: 8 }, batch: 16, steps: 6, "evaluate-every": 6, estimate: 64 },
  seeds: 1,
  variants: ["lstm", "bn-e-star-star"],
};

const notes = ["The paper's task is another one, so that its numbers do not compare: what compares are the models."];

const pilot = {
  settings: {
    dims: { D: 32, H: 32, drop: "0.0" },
    ...{ batch: 64, "evaluate-every": 250, estimate: 3200 },
  },
  seeds: 1,
  variants: ["lstm", "bidirectional-lstm", "bn-lstm", "bn-everywhere", "bn-e-star", "bn-e-star-star"],
};

const cutBy = (rate: string): string =>
  `32 units instead of 240, no dropout, batches of 64 and a rate of ${rate} for all; statistics from 3,200 training questions`;

/** All questions begin with the same words, so that hidden states of a normalized recurrence have to begin apart, as in sequential MNIST. */
export const babi: Study = {
  ...common,
  title: "Attentive Reader on bAbI",
  settings: { ...common.settings, task: "babi" },
  variants: byRecurrentNorm(variants, { normalized: { dims: { start: "0.1" } } }),
  data: ofBuiltInTask,
  scales: {
    smoke,
    pilot: { ...pilot, cut: cutBy("4e-3"), settings: { ...pilot.settings, lr: "4e-3", steps: 4000 } },
    paper,
  },
  notes: [...notes, "Under batch norm at hh, first hidden states have noise of 0.1; the LSTM's have none."],
};

export const cloze: Study = {
  ...common,
  title: "Attentive Reader on a generated cloze task",
  settings: { ...common.settings, task: "cloze" },
  data: () => ({}),
  scales: {
    smoke,
    pilot: { ...pilot, cut: cutBy("2e-3"), settings: { ...pilot.settings, lr: "2e-3", steps: 3000 } },
    paper,
  },
  notes,
};

/** A sample of the paper's corpus: it proves that the reader reads it, and its accuracy means nothing. */
export const cnn: Study = {
  ...common,
  title: "Attentive Reader on a sample of 200 questions of the CNN corpus",
  settings: { ...common.settings, task: "cnn" },
  data: ofBuiltInTask,
  scales: {
    smoke,
    pilot: {
      cut: "32 units instead of 240, and 200 questions instead of 380,000: it proves that the reader reads them",
      settings: {
        dims: { D: 32, H: 32, drop: "0.0" },
        ...{ batch: 20, lr: "2e-3", steps: 200, "evaluate-every": 40, estimate: 160 },
      },
      seeds: 1,
      variants: ["lstm", "bn-e-star-star"],
    },
    paper: { ...paper, cut: "the paper's model and rates, and 200 questions instead of 380,000" },
  },
  claims: [],
  notes: ["The corpus could not be had. Of 200 questions, no accuracy says anything."],
};
