/** The gain that norms begin with (Cooijmans et al. 2016, figure 6): on permuted MNIST, where it matters, and on text, where it does not. */
import type { Study, Variant } from "../study.ts";
import { ptb } from "./characters.ts";
import { pmnist } from "./mnist.ts";

const GAINS = ["0.1", "0.3", "0.5", "0.7", "1.0"] as const;

const gains = Object.fromEntries(
  GAINS.map((gamma): [string, Variant] => [
    `gamma-${gamma}`,
    {
      title: `BN-LSTM, γ = ${Number(gamma)} at first`,
      settings: { dims: { gamma } },
      at: { series: "BN-LSTM", x: Number(gamma) },
    },
  ]),
);

const axis = { label: "γ at first", type: "linear" } as const;

const two = ["gamma-0.1", "gamma-1.0"];

export const gamma: Study = {
  ...pmnist,
  title: "The initial gain, on permuted MNIST",
  section: "6 and appendix, figure 6 left",
  variants: gains,
  axis,
  baseline: "gamma-0.1",
  scales: {
    ...pmnist.scales,
    smoke: { ...pmnist.scales.smoke, variants: two },
    pilot: {
      cut: "1,500 iterations of the paper's 100,000, and statistics from 5,000 training images",
      settings: { steps: 1500, "evaluate-every": 250, estimate: 5000 },
      seeds: 1,
    },
  },
  claims: GAINS.slice(1).map((than) => ({
    ...{ kind: "better", candidate: "gamma-0.1", than: `gamma-${than}`, by: 0 },
  })),
};

export const gammaText: Study = {
  ...ptb,
  title: "The initial gain, on characters of the Penn Treebank",
  section: "6 and appendix, figure 6 right",
  variants: gains,
  axis,
  baseline: "gamma-0.1",
  scales: {
    ...ptb.scales,
    smoke: { ...ptb.scales.smoke, variants: two },
    pilot: {
      cut: "128 units instead of 1,000, and 1 epoch instead of 50",
      settings: { dims: { H: 128 }, epochs: 1, "evaluate-every": 196, estimate: 5000 },
      seeds: 1,
    },
  },
  claims: GAINS.slice(1).map((than) => ({
    ...{ kind: "alike", candidate: "gamma-0.1", than: `gamma-${than}`, within: 0.02 },
  })),
};
