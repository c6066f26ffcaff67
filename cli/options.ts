/** Parses option values. A bad value throws commander's InvalidArgumentError: exit code 2, with the option's name. */
import { InvalidArgumentError } from "commander";
import { type LoopOwner, loopOwners } from "../compiler/partition/loop-owner.ts";
import type { LoopChoice } from "../compiler/partition/loop-strategy.ts";
import type { EntryName } from "../runtime/plan.ts";
import { type TargetName, targetNames } from "./targets.ts";

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError("want a whole number.");
  return value;
}

export function positiveWholeNumber(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("want a whole number above 0.");
  return value;
}

export function atLeastTwo(text: string): number {
  const value = wholeNumber(text);
  if (value < 2) throw new InvalidArgumentError("want a whole number from 2 on.");
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError("want a number above 0.");
  return value;
}

/** A number in (0, 1]. */
export function fraction(text: string): number {
  const value = positiveNumber(text);
  if (value > 1) throw new InvalidArgumentError("want a number above 0 and at most 1.");
  return value;
}

/** A number in [0, 1), a decay. */
export function decay(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value < 1))
    throw new InvalidArgumentError("want a number from 0 to below 1.");
  return value;
}

/** A number from 0 on. */
export function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("want a number from 0 on.");
  return value;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** `256M`, `1.5G`, `65536`: bytes. K, M and G are 1024 bytes, 1024² and 1024³. */
export function bytes(text: string): number {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)([KMG]?)$/i.exec(text.trim()) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new InvalidArgumentError("want a number of bytes, such as 256M or 1.5G.");
  return Math.floor(Number(number) * UNITS[unit.toUpperCase()]);
}

/** `0.1,0.3`: numbers above 0, each once. */
export const positiveNumbers = (text: string): readonly number[] => numbers(text, positiveNumber);

/** `0,100`: whole numbers, each once. */
export const wholeNumbers = (text: string): readonly number[] => numbers(text, wholeNumber);

function numbers(text: string, read: (part: string) => number): readonly number[] {
  const found = text.split(",").map((part) => read(part));
  if (new Set(found).size < found.length) throw new InvalidArgumentError("want each number once.");
  return found;
}

/** The budget of an exploration: training steps for each row, or seconds for all rows together. */
export type Budget =
  | { readonly kind: "steps"; readonly steps: number }
  | { readonly kind: "time"; readonly seconds: number };

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `2000` is steps; `90s`, `10m` and `1.5h` are time. */
export function budget(text: string): Budget {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)([smh]?)$/.exec(text.trim()) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new InvalidArgumentError("want training steps for each row, such as 2000, or time for all, such as 10m.");
  if (unit === "") return { kind: "steps", steps: positiveWholeNumber(number) };
  return { kind: "time", seconds: Number(number) * SECONDS[unit] };
}

/** `90s`, `10m`, `1.5h`: seconds. */
export function duration(text: string): number {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)([smh])$/.exec(text.trim()) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new InvalidArgumentError("want a time, such as 90s, 10m or 1.5h.");
  return Number(number) * SECONDS[unit];
}

/** `loss`, `accuracy`, `error:min`: what makes an evaluation the best. */
export function criterion(text: string): { readonly metric: string; readonly direction?: "min" | "max" } {
  const [metric, direction, ...rest] = text.split(":");
  if (metric === "" || rest.length > 0 || (direction !== undefined && direction !== "min" && direction !== "max"))
    throw new InvalidArgumentError("want the loss or a metric, and whether less or more of it is better: error:min.");
  if (direction === undefined && metric !== "loss" && metric !== "accuracy")
    throw new InvalidArgumentError(`want ${metric}:min or ${metric}:max, as less or more of it is better.`);
  return { metric, ...(direction && { direction }) };
}

/** The path of a file or folder. */
export function path(text: string): string {
  if (text === "") throw new InvalidArgumentError("want a path.");
  if (text.includes("\0")) throw new InvalidArgumentError("a NUL stands in it, and in no path.");
  return text;
}

/** Collects the paths of an argument that can be repeated. */
export const paths = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  path(text),
];

const NAME = /^[\p{L}_][\p{L}\p{N}_]*$/u;

/** `D=28,H=100,gain=0.5`. Whether a number is fit for what it is given to is for the text to say. */
export function dimensions(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    pairs(text).map(([name, value]) => {
      if (!NAME.test(name)) throw new InvalidArgumentError(`${name} is no name of a dimension.`);
      const number = Number(value);
      if (value.trim() === "" || !Number.isFinite(number)) throw new InvalidArgumentError(`want a number for ${name}.`);
      return [name, number];
    }),
  );
}

/** `rnn=lstm,top=gru` */
export function cells(text: string): Readonly<Record<string, string>> {
  const chosen = pairs(text);
  for (const word of chosen.flat()) {
    if (!NAME.test(word)) throw new InvalidArgumentError(`${word} is no name of a cell.`);
  }
  return Object.fromEntries(chosen);
}

/** `rmsprop=text,forget=code` */
export const choices = (text: string): Readonly<Record<string, string>> => Object.fromEntries(pairs(text));

/** `lstm,bn-lstm`: each once. */
export function words(text: string): readonly string[] {
  const found = text.split(",").map((word) => word.trim());
  if (found.includes("") || new Set(found).size < found.length)
    throw new InvalidArgumentError("want names, each once.");
  return found;
}

/** `wgsl,wasm`: each once. */
export function targets(text: string): readonly TargetName[] {
  const found = text.split(",").map((word) => {
    const target = targetNames.find((name) => name === word.trim());
    if (target === undefined) throw new InvalidArgumentError(`want ${targetNames.join(", ")}, got "${word.trim()}".`);
    return target;
  });
  if (new Set(found).size < found.length) throw new InvalidArgumentError("want each target once.");
  return found;
}

/** What `compile` makes besides the files of a target. */
export const typedModule = "ts";

/** As `targets`, or `ts` alone. */
export const targetsOrModule = (text: string): readonly TargetName[] | typeof typedModule =>
  text.trim() === typedModule ? typedModule : targets(text);

const entryNames: readonly EntryName[] = ["train", "estimate", "infer", "update", "start", "step"];

/** `infer,step` */
export function entries(text: string): readonly EntryName[] {
  return text.split(",").map((word) => {
    const found = entryNames.find((name) => name === word.trim());
    if (found === undefined) throw new InvalidArgumentError(`want ${entryNames.join(", ")}, got "${word.trim()}".`);
    return found;
  });
}

/** `whole`, or `forward=row,backward=column` */
export function schedule(text: string): LoopChoice {
  const owner = (word: string): LoopOwner => {
    const found = loopOwners.find((name) => name === word);
    if (found === undefined) throw new InvalidArgumentError(`want ${loopOwners.join(", ")}, got "${word}".`);
    return found;
  };
  if (!text.includes("=")) return { forward: owner(text.trim()), backward: owner(text.trim()) };
  return Object.fromEntries(
    pairs(text).map(([direction, word]) => {
      if (direction !== "forward" && direction !== "backward")
        throw new InvalidArgumentError(`a loop runs forward or backward, not ${direction}.`);
      return [direction, owner(word)];
    }),
  );
}

/** `a=1, b=2` → [["a", "1"], ["b", "2"]] */
function pairs(text: string): readonly (readonly [string, string])[] {
  const found: [string, string][] = [];
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim();
    if (at < 0 || name === "" || value === "") throw new InvalidArgumentError(`want name=value, got "${part.trim()}".`);
    if (found.some(([other]) => other === name)) throw new InvalidArgumentError(`${name} is given twice.`);
    found.push([name, value]);
  }
  return found;
}
