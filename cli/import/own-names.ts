/** Tensors that have our own names: those of the module that `cellc export --to pytorch` writes, trained elsewhere. */
import { mainAxis } from "../../runtime/batch.ts";
import type { Kept } from "../../runtime/layout.ts";
import type { KnownStatistics } from "../../runtime/population.ts";
import { exit, Failure } from "../failure.ts";
import { dotted, rounded } from "./explicit-maps.ts";
import { described, type SourceFile, type SourceTensor } from "./source-tensor.ts";

/** What a file of our own names says. */
export interface OwnNumbers {
  readonly numbers: ReadonlyMap<string, Float32Array>;
  readonly known: KnownStatistics;
  /** What was left out or assumed, a phrase each. */
  readonly said: readonly string[];
}

/** What wrappers of PyTorch put before the names of all tensors, and who they are. */
const WRAPPERS: Readonly<Record<string, string>> = {
  "module.": "DistributedDataParallel",
  "_orig_mod.": "torch.compile",
};

/** The buffer of the module that counts the batches of each step. Another time axis stands behind it. */
const SEEN = /^statistics_seen(?:[._](.+))?$/;

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
}

/** Matches the tensors of a file with what a plan keeps. Throws C0403 with every difference in names and shapes. */
export async function ownNumbers(
  file: SourceFile,
  kept: readonly Kept[],
  { prefix = "", mapped, mappedTensors, optional }: OwnOptions,
): Promise<OwnNumbers> {
  const wanted = kept.filter(({ kind, name }) => kind !== "slot" && !mapped.has(name));
  const said: string[] = [];
  let tensors = new Map(
    [...file.tensors].flatMap(([name, t]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), t]] : [])),
  );
  // A scan of one's own may be called `module`.
  const fits = (name: string): boolean => kept.some((one) => dotted(one.name) === name || one.name === name);
  for (;;) {
    const wrapper = Object.keys(WRAPPERS).find((one) => [...tensors.keys()].every((name) => name.startsWith(one)));
    if (wrapper === undefined || tensors.size === 0 || [...tensors.keys()].some(fits)) break;
    tensors = new Map([...tensors].map(([name, tensor]) => [name.slice(wrapper.length), tensor]));
    said.push(`names without \`${wrapper}\`, which ${WRAPPERS[wrapper]} put before them`);
  }
  const differences: string[] = [];
  const used = new Set<string>();
  const found = new Map<string, SourceTensor>();
  for (const { name, shape, kind } of wanted) {
    const own = [dotted(name), name].find((one) => tensors.has(one));
    if (own === undefined) {
      if (!optional) differences.push(`it lacks \`${dotted(name)}\` [${shape.join(", ")}]`);
      continue;
    }
    used.add(own);
    const tensor = tensors.get(own)!;
    // A statistic that all steps share may come without an axis for them.
    const isAlike =
      tensor.shape.join() === shape.join() ||
      (kind === "stat" && shape[0] === 1 && tensor.shape.join() === shape.slice(1).join());
    if (isAlike) found.set(name, tensor);
    else differences.push(`its \`${own}\` is [${tensor.shape.join(", ")}], this one's [${shape.join(", ")}]`);
  }
  const counts = new Map<string, SourceTensor>();
  for (const [name, tensor] of tensors) {
    if (used.has(name) || mappedTensors.has(tensor.name)) continue;
    const [isCount, axis] = SEEN.exec(name) ?? [];
    if (isCount !== undefined) counts.set(axis ?? mainAxis, tensor);
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
  for (const [name, tensor] of found) numbers.set(name, rounded(await tensor.numbers(), described(tensor)));
  return { numbers, known: await knownOf(file, wanted, numbers, counts, said), said };
}

/** Which rows of the statistics were collected, as the file counts; else from one batch each, as statistics that are written by hand. */
async function knownOf(
  { path }: SourceFile,
  wanted: readonly Kept[],
  numbers: ReadonlyMap<string, unknown>,
  counts: ReadonlyMap<string, SourceTensor>,
  said: string[],
): Promise<KnownStatistics> {
  const statistics = wanted.filter(({ kind }) => kind === "stat");
  const there = statistics.filter(({ name }) => numbers.has(name));
  if (there.length === 0) return { seen: [] };
  if (there.length < statistics.length) return { seen: [], written: there.map(({ name }) => name) };
  if (counts.size === 0) {
    said.push("its statistics count as collected from one batch, because the file does not count them");
    const rows = Math.max(...statistics.map(({ shape }) => shape[0]));
    const ones = Array.from({ length: rows }, () => 1);
    const axes = new Set(statistics.map(({ tensor }) => tensor.axis ?? mainAxis));
    const others = [...axes].filter((axis) => axis !== mainAxis).map((axis) => [axis, ones] as const);
    return { seen: ones, ...(others.length > 0 && { seenOver: Object.fromEntries(others) }) };
  }
  const read = await Promise.all(
    [...counts].map(async ([axis, tensor]) => {
      const seen = [...(await tensor.numbers())];
      if (seen.some((n) => !Number.isFinite(n) || n < 0))
        throw new Failure(
          "C0402",
          exit.input,
          `${path}: \`${tensor.name}\` counts batches, and holds what is no count`,
        );
      return [axis, withoutEnd(seen)] as const;
    }),
  );
  const { [mainAxis]: seen = [], ...seenOver } = Object.fromEntries(read);
  return { seen, ...(Object.keys(seenOver).length > 0 && { seenOver }) };
}

/** Counts up to the last step that a batch had. */
const withoutEnd = (seen: readonly number[]): readonly number[] => seen.slice(0, seen.findLastIndex((n) => n > 0) + 1);
