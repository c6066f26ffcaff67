/** Tensors that have our own names: those of the module that `cellc export --to pytorch` writes, trained elsewhere. */
import type { Kept } from "../../runtime/layout.ts";
import type { KnownStatistics } from "../../runtime/population.ts";
import { stateDictNames } from "../../targets/pytorch/names.ts";
import { exit, Failure } from "../failure.ts";
import { collectedCounts } from "./collected-counts.ts";
import { rounded } from "./explicit-maps.ts";
import { described, type SourceFile, type SourceTensor } from "./source-tensor.ts";

/** What a file of our own names says. */
export interface OwnNumbers {
  readonly numbers: ReadonlyMap<string, Float32Array>;
  readonly known: KnownStatistics;
  /** How many updates a ramp has counted, if the model has one. */
  readonly updates?: number;
  /** What was left out or assumed, a phrase each. */
  readonly said: readonly string[];
}

/** What wrappers of PyTorch put before the names of all tensors, and who they are. */
const WRAPPERS: Readonly<Record<string, string>> = {
  "module.": "DistributedDataParallel",
  "_orig_mod.": "torch.compile",
};

/** The buffer of a norm that counts the batches of each step. */
const COUNTS = "batches";

/** The buffer of a norm or a model that counts updates, for what changes with them. */
const UPDATES = "updates";

/** Buffers of PyTorch's own norms, which are of no use here. */
const isIgnored = (name: string): boolean => /(?:^|\.)num_batches_tracked$/.test(name);

export interface OwnOptions {
  /** Precedes the names. Tensors without it are not asked for. */
  readonly prefix?: string;
  /** What has its numbers already, and the tensors of the file that they are. */
  readonly mapped: ReadonlySet<string>;
  readonly mappedTensors: ReadonlySet<string>;
  /** What is missing has another value. */
  readonly optional: boolean;
  /** How many steps a sequence has, if that is known. */
  readonly steps: number | undefined;
}

/** Matches the tensors of a file with what a plan keeps. Throws C0403 with every difference in names and shapes. */
export async function ownNumbers(
  file: SourceFile,
  kept: readonly Kept[],
  { prefix = "", mapped, mappedTensors, optional, steps }: OwnOptions,
): Promise<OwnNumbers> {
  const all = kept.filter(({ kind }) => kind !== "slot");
  const names = stateDictNames(all.map(({ name }) => name));
  const { tensors, said } = unwrapped(file, prefix, new Set([...names.values(), ...names.keys()]));
  const differences: string[] = [];
  const used = new Set<string>();
  const found = new Map<Kept, SourceTensor>();
  for (const one of all) {
    if (mapped.has(one.name)) continue;
    const { name, shape } = one;
    const dotted = names.get(name)!;
    const own = [dotted, name].find((candidate) => tensors.has(candidate));
    if (own === undefined) {
      if (!optional) differences.push(`it lacks \`${dotted}\` [${shape.join(", ")}]`);
      continue;
    }
    used.add(own);
    const tensor = tensors.get(own)!;
    if (isAlike(tensor, one)) found.set(one, tensor);
    else differences.push(`its \`${own}\` is [${tensor.shape.join(", ")}], this one's [${shape.join(", ")}]`);
  }
  const counting = new Set(
    all.flatMap(({ kind, name }) => (kind === "stat" ? [beside(names.get(name)!, COUNTS)] : [])),
  );
  const counters = new Map<string, SourceTensor>();
  for (const [name, tensor] of tensors) {
    if (used.has(name) || mappedTensors.has(tensor.name)) continue;
    if (counting.has(name) || (isUpdates(name) && tensor.shape.length === 0)) counters.set(name, tensor);
    else if (isIgnored(name)) said.push(`without \`${name}\`, which no norm here has`);
    else differences.push(`it has \`${described({ name, shape: tensor.shape })}\` besides`);
  }
  if (differences.length > 0)
    throw new Failure(
      "C0403",
      exit.input,
      `the tensors of ${file.path} are not those of the model: ${differences.join("; ")}`,
      "compile the model with the placements and dimensions that it was exported with; for another library's layers say --from; for single tensors --map NAME=TENSOR",
    );
  const numbers = new Map<string, Float32Array>();
  for (const [{ name }, tensor] of found) numbers.set(name, rounded(await tensor.numbers(), described(tensor)));
  const statistics = all.filter(({ kind, name }) => kind === "stat" && !mapped.has(name));
  const there = statistics.filter((one) => found.has(one));
  const counted = there.map((statistic) => ({
    statistic,
    counts: counters.get(beside(names.get(statistic.name)!, COUNTS)),
  }));
  if (counted.some(({ counts }) => counts === undefined))
    said.push("its statistics count as collected from one batch, because the file does not count them");
  const isWhole = there.length === statistics.length && there.length > 0;
  const known = isWhole
    ? await collectedCounts(file.path, counted, steps)
    : { seen: [], ...(there.length > 0 && { written: there.map(({ name }) => name) }) };
  const updates = await updatesIn(file, counters);
  return { numbers, known, said, ...(updates !== undefined && { updates }) };
}

/** The name of another tensor of the same module. */
const beside = (name: string, last: string): string => `${name.slice(0, name.lastIndexOf(".") + 1)}${last}`;

const isUpdates = (name: string): boolean => name === UPDATES || name.endsWith(`.${UPDATES}`);

/** A statistic that all steps share may come without an axis for them. */
const isAlike = (tensor: SourceTensor, { kind, shape }: Kept): boolean =>
  tensor.shape.join() === shape.join() ||
  (kind === "stat" && shape[0] === 1 && tensor.shape.join() === shape.slice(1).join());

/** The tensors of a file without what stands before all their names. `own`: names that are whole. */
function unwrapped(
  file: SourceFile,
  prefix: string,
  own: ReadonlySet<string>,
): { readonly tensors: ReadonlyMap<string, SourceTensor>; readonly said: string[] } {
  const said: string[] = [];
  let tensors = new Map(
    [...file.tensors].flatMap(([name, t]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), t]] : [])),
  );
  for (;;) {
    const wrapper = Object.keys(WRAPPERS).find((one) => [...tensors.keys()].every((name) => name.startsWith(one)));
    // A scan of one's own may be called `module`.
    const isWhole = [...tensors.keys()].some((name) => own.has(name));
    if (wrapper === undefined || tensors.size === 0 || isWhole) return { tensors, said };
    tensors = new Map([...tensors].map(([name, tensor]) => [name.slice(wrapper.length), tensor]));
    said.push(`names without \`${wrapper}\`, which ${WRAPPERS[wrapper]} put before them`);
  }
}

/** What all buffers that count updates say; undefined if there are none. Throws C0402 if they say different numbers. */
async function updatesIn(
  { path }: SourceFile,
  counters: ReadonlyMap<string, SourceTensor>,
): Promise<number | undefined> {
  const own = [...counters].filter(([name]) => isUpdates(name));
  const counts = await Promise.all(own.map(async ([, tensor]) => (await tensor.numbers())[0]));
  const [first] = counts;
  if (counts.every((count) => count === first && Number.isSafeInteger(count) && count >= 0)) return first;
  throw new Failure(
    "C0402",
    exit.input,
    `${path}: its counts of updates are ${counts.join(", ")}, and not one whole number`,
  );
}
