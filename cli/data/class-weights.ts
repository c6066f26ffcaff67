/** How classes are weighed, as an option says it: `balanced`, or `up=5,down=1`. */
import { InvalidArgumentError } from "commander";
import { dictionary, Mismatch, number, type Schema } from "../report/schema.ts";

/** By the training part's shares, so that all classes count alike together; or a weight for each class that is named, and 1 for the others. */
export type ClassWeights = "balanced" | Readonly<Record<string, number>>;

const WANT = "want balanced, or weights from 0 on by the names of classes, such as up=5,down=1.";

export function readClassWeights(given: string): ClassWeights {
  if (given === "balanced") return given;
  const pairs = given.split(",").map((pair) => {
    // A name may have a = in it, and a number has none.
    const at = pair.lastIndexOf("=");
    const [name, weight] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    if (at < 0 || name === "" || weight === "" || !(Number(weight) >= 0) || !Number.isFinite(Number(weight)))
      throw new InvalidArgumentError(WANT);
    return [name, Number(weight)] as const;
  });
  const found = Object.fromEntries(pairs);
  if (Object.keys(found).length < pairs.length) throw new InvalidArgumentError("want each class once.");
  return found;
}

const weightSchema: Schema<number> = (value, at) => {
  const found = number(value, at);
  if (found >= 0) return found;
  throw new Mismatch(at, value, "a weight from 0 on");
};

export const classWeightsSchema: Schema<ClassWeights> = (value, at) => {
  if (value === "balanced") return value;
  const found = dictionary(weightSchema)(value, at);
  if (Object.keys(found).length === 0) throw new Mismatch(at, value, "weights by the names of classes");
  return found;
};

export const classWeightsJson = {
  anyOf: [
    { enum: ["balanced"] },
    { type: "object", additionalProperties: { type: "number", minimum: 0 }, minProperties: 1 },
  ],
} as const;

/** As a command line has it; undefined if it cannot, for a name with a comma. */
export function classWeightsText(weights: ClassWeights): string | undefined {
  if (weights === "balanced") return weights;
  const names = Object.keys(weights);
  if (names.some((name) => name.includes(",") || name.trim() !== name || name === "")) return undefined;
  return names.map((name) => `${name}=${weights[name]}`).join(",");
}
