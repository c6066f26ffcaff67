/** Which axis of an array is what: sequences (N), steps (T) or features, told by names and sizes. */
import { exit, Failure } from "../../failure.ts";
import { fault } from "./fault.ts";
import type { StoredArray } from "./stored-array.ts";
import type { Wanted } from "./wanted.ts";

export interface ArrayOptions extends Wanted {
  /**
   * The axes of the arrays over steps, in the order of the file: N for sequences, T for steps, other letters for features. An array
   * with fewer axes leaves features out. "NTD" if left out: [N, T, …], [N, T], and [T] for a single sequence.
   */
  readonly axes?: string;
  /** Arrays with a value for each sequence, although their second axis has as many elements as there are steps. */
  readonly perSequence?: readonly string[];
}

export interface Laid {
  readonly array: StoredArray;
  readonly over: "steps" | "sequence";
  /** The axes of the file in the order [N,] T, …features, or N, …features. */
  readonly order: readonly number[];
  /** Of the value at a step, or of the sequence. */
  readonly shape: readonly number[];
}

/** Arrays of the same N sequences of at most T steps. */
export interface ArrayLayout {
  readonly sequences: number;
  readonly steps: number;
  readonly fields: Readonly<Record<string, Laid>>;
  /** How long each sequence is: [N], or a mask [N, T]; all T steps where it is undefined. */
  readonly lengths: Laid | undefined;
  readonly mask: Laid | undefined;
  /** What the sequences are called. */
  readonly id: Laid | undefined;
}

/** What an array is called that tells of the others. */
const LENGTHS = ["lengths", "length"];
const MASKS = ["mask"];
const IDS = ["ids", "id"];

/** Arrays that are read although nobody asks for them. */
export const ALWAYS_READ: ReadonlySet<string> = new Set(["x", "X", ...LENGTHS, ...MASKS, ...IDS]);

/**
 * Lays out arrays by their names. The array `x` (or `X`), or the one with most axes, says N and T. Throws C0402 where the others do not
 * agree with it, above all if the axes seem to be in another order, and C0301 for axes that no array can have.
 */
export function layOut(
  path: string,
  arrays: Readonly<Record<string, StoredArray>>,
  options: ArrayOptions,
): ArrayLayout {
  const given = checkAxes(options.axes ?? "NTD");
  const data = Object.entries(arrays).filter(([name]) => ![...LENGTHS, ...MASKS, ...IDS].includes(name));
  const unknown = options.perSequence?.find((name) => !Object.hasOwn(arrays, name));
  if (unknown !== undefined)
    throw fault(path, `there is no array \`${unknown}\` in it, only ${listed(Object.keys(arrays))}`);
  const lead = leadOf(path, data, options);
  const axes = lead.shape.length === 1 ? "T" : given;
  const leadAxes = axesOf(lead.shape.length, axes);
  const extent = (letter: string): number => (leadAxes.includes(letter) ? lead.shape[leadAxes.indexOf(letter)] : 1);
  const [N, T] = [extent("N"), extent("T")];
  const told: Told = { path, lead, N, T, axes };
  if (N === 0 || T === 0)
    throw fault(path, `\`${lead.name}\` [${lead.shape.join(", ")}] has no ${N === 0 ? "sequence" : "step"}`);
  const fields: [string, Laid][] = data.map(([name, array]) => [
    fieldName(name, arrays),
    array === lead ? overSteps(array, axes) : lay(array, options.perSequence?.includes(name) ?? false, told),
  ]);
  const one = (names: readonly string[]): StoredArray | undefined => {
    const found = names.filter((name) => Object.hasOwn(arrays, name));
    if (found.length > 1) throw fault(path, `it has ${listed(found)}, of which one would do`);
    return found.length === 0 ? undefined : arrays[found[0]];
  };
  const [lengths, mask, id] = [one(LENGTHS), one(MASKS), one(IDS)];
  if (lengths !== undefined && mask !== undefined)
    throw fault(path, `it has \`${lengths.name}\` and \`${mask.name}\`, of which one would do`);
  return {
    ...{ sequences: N, steps: T, fields: Object.fromEntries(fields) },
    lengths: lengths && flat(lay(lengths, true, told), "sequence", told),
    mask: mask && flat(lay(mask, false, told), "steps", told),
    id: id && flat(lay(id, true, told), "sequence", told),
  };
}

/** What is known of N and T, and of whom. */
interface Told {
  readonly path: string;
  readonly lead: StoredArray;
  readonly N: number;
  readonly T: number;
  readonly axes: string;
}

const fieldName = (name: string, arrays: Readonly<Record<string, StoredArray>>): string =>
  name === "X" && !Object.hasOwn(arrays, "x") ? "x" : name;

function leadOf(path: string, data: readonly (readonly [string, StoredArray])[], options: ArrayOptions): StoredArray {
  const named = data.find(([name]) => name === "x") ?? data.find(([name]) => name === "X");
  if (named !== undefined) return named[1];
  const over = data.filter(([name, { shape }]) => shape.length > 0 && !options.perSequence?.includes(name));
  if (over.length === 0) throw fault(path, "no array in it has steps");
  const most = Math.max(...over.map(([, { shape }]) => shape.length));
  const leads = over.map(([, array]) => array).filter(({ shape }) => shape.length === most);
  const [first] = leads;
  const other = leads.find(({ shape }) => shape.slice(0, 2).join() !== first.shape.slice(0, 2).join());
  if (other === undefined) return first;
  throw fault(
    path,
    `\`${first.name}\` [${first.shape.join(", ")}] or \`${other.name}\` [${other.shape.join(", ")}]: which has the steps?`,
    {},
    "call the array with the inputs x, or name the other one in --per-sequence",
  );
}

function checkAxes(axes: string): string {
  if (/^[A-Z]+$/.test(axes) && new Set(axes).size === axes.length && axes.includes("T")) return axes;
  throw new Failure(
    "C0301",
    exit.usage,
    `axes are ${JSON.stringify(axes)}: want different capital letters, with T for the steps`,
    "NTD is [sequences, steps, features], TND steps first, NDT features before steps, TD a single sequence",
  );
}

/** A letter for each axis of an array over steps that has `rank` of them: lower-case for features beyond those of `axes`. */
function axesOf(rank: number, axes: string): string {
  if (rank === axes.length) return axes;
  if (rank === 1) return "T";
  const frame = [...axes].filter((letter) => letter === "N" || letter === "T").join("");
  return rank < frame.length
    ? frame.slice(0, rank)
    : frame + "abcdefghijklmnopqrstuvwxyz".slice(0, rank - frame.length);
}

function overSteps(array: StoredArray, axes: string): Laid {
  const letters = [...axesOf(array.shape.length, axes)];
  const frame = ["N", "T"].filter((letter) => letters.includes(letter)).map((letter) => letters.indexOf(letter));
  const features = letters.map((_, axis) => axis).filter((axis) => !frame.includes(axis));
  return { array, over: "steps", order: [...frame, ...features], shape: features.map((axis) => array.shape[axis]) };
}

function lay(array: StoredArray, perSequence: boolean, told: Told): Laid {
  const { shape } = array;
  const { N, T, axes } = told;
  if (!perSequence) {
    const letters = axesOf(shape.length, axes);
    const fits = [...letters].every((letter, axis) =>
      letter === "N" ? shape[axis] === N : letter === "T" ? shape[axis] === T : true,
    );
    const frame = [...axes].includes("N") ? ["N", "T"] : ["T"];
    if (fits && frame.every((letter) => letters.includes(letter))) return overSteps(array, axes);
  }
  if (shape.length > 0 && shape[0] === N)
    return { array, over: "sequence", order: shape.map((_, axis) => axis), shape: shape.slice(1) };
  throw disagreement(array, told);
}

/** Lengths, masks and names have no features. */
function flat(laid: Laid, over: Laid["over"], { path, N, T }: Told): Laid {
  if (laid.over === over && laid.shape.length === 0) return laid;
  const { name, shape } = laid.array;
  throw fault(path, `\`${name}\` is [${shape.join(", ")}], want [${over === "steps" ? `${N}, ${T}` : N}]`);
}

function disagreement({ name, shape }: StoredArray, { path, lead, N, T, axes }: Told): Failure {
  const sizes = `\`${name}\` is [${shape.join(", ")}], and \`${lead.name}\` [${lead.shape.join(", ")}]`;
  if (shape.length > 0 && shape[0] === T && axes === "NTD")
    return fault(
      path,
      `${sizes}: the first axis of \`${lead.name}\` should be its ${T} sequences, and seems to be steps`,
      {},
      "if the arrays are [T, N, D], say --axes TND",
    );
  const wants = axes.includes("N") ? `${N} sequences of ${T} steps, axes ${axes}` : `one sequence of ${T} steps`;
  return fault(path, `${sizes}, which is ${wants}: they do not agree`, {}, "--axes says another order of axes");
}

const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
