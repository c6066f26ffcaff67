/** Points where the authors' text and their code differ, or can be read in two ways. Each is an option with a name. */
import type { Settings } from "./settings.ts";

export interface Reading {
  /** What it is about. */
  readonly about: string;
  /** The first is the default. */
  readonly choices: Readonly<Record<string, { readonly words: string; readonly settings: Settings }>>;
}

/** The optimiser of the MNIST tasks (section 5.1). */
export const rmsprop: Reading = {
  about: "“RMSProp with 0.9 momentum”",
  choices: {
    code: { words: "decay 0.5, no momentum: the code since April 2016", settings: { "rms-decay": 0.5 } },
    earlier: { words: "decay 0.9, no momentum: the code before", settings: { "rms-decay": 0.9 } },
    text: { words: "decay 0.9, and momentum 0.9", settings: { "rms-decay": 0.9, "momentum-factor": 0.9 } },
  },
};

/** The hidden-to-hidden weights of the MNIST tasks. */
export const recurrent: Reading = {
  about: "hidden-to-hidden weights at first: “identity”",
  choices: {
    code: { words: "identity for the candidate, one orthogonal matrix for the gates", settings: {} },
    text: { words: "identity for all four", settings: { cell: { rnn: "identity_bnlstm" } } },
  },
};

export const forget: Reading = {
  about: "the bias of the forget gates, of which the text says nothing",
  choices: {
    code: { words: "1", settings: {} },
    text: { words: "0", settings: { dims: { forget: "0.0" } } },
  },
};

/** The order of pixels in permuted MNIST. */
export const index: Reading = {
  about: "“a fixed random order” of the pixels",
  choices: {
    permutation: { words: "a permutation, as the text says", settings: {} },
    released: {
      words: "784 draws with replacement, as the released script has it: a third of the pixels never appears",
      settings: { task: "mnist-permuted-released" },
    },
  },
};

/** Where the examples of an epoch begin. */
export const offset: Reading = {
  about: "where the examples of an epoch begin",
  choices: {
    random: { words: "at an offset below their length, drawn for each epoch", settings: { "random-offset": true } },
    fixed: { words: "at the beginning of the text, always", settings: {} },
  },
};
