/** The studies by name, as `cellc reproduce` takes them. */
import { batchSize } from "./studies/batch-size.ts";
import { ptb, text8 } from "./studies/characters.ts";
import { gamma, gammaText } from "./studies/gamma.ts";
import { pmnist, smnist } from "./studies/mnist.ts";
import { babi, cloze, cnn } from "./studies/reader.ts";
import type { Study } from "./study.ts";

export const studies: Readonly<Record<string, Study>> = {
  smnist,
  pmnist,
  ptb,
  text8,
  babi,
  cloze,
  cnn,
  gamma,
  "gamma-text": gammaText,
  "batch-size": batchSize,
};
