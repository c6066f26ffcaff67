/** The studies by name, as `cellc reproduce` takes them. */
import { exit, Failure } from "../failure.ts";
import { batchSize } from "./studies/batch-size.ts";
import { ptb, text8 } from "./studies/characters.ts";
import { gamma, gammaText } from "./studies/gamma.ts";
import { pmnist, smnist } from "./studies/mnist.ts";
import type { Study } from "./study.ts";

export const studies: Readonly<Record<string, Study>> = {
  smnist,
  pmnist,
  ptb,
  text8,
  gamma,
  "gamma-text": gammaText,
  "batch-size": batchSize,
};

export const studyNames: readonly string[] = Object.keys(studies);

/** Throws C0301 for a name that is none. */
export function studyNamed(name: string): Study {
  if (!Object.hasOwn(studies, name))
    throw new Failure("C0301", exit.usage, `there is no study ${name}`, `the studies are ${studyNames.join(", ")}`);
  return studies[name];
}
