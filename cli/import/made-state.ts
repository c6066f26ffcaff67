/** The state of a session that is made of a file's tensors. */
import { firstValues } from "../../runtime/first-values.ts";
import { elementsOf, type Kept } from "../../runtime/layout.ts";
import type { KnownStatistics } from "../../runtime/population.ts";
import type { SavedTensor, SessionState } from "../../runtime/state.ts";
import { exit, Failure } from "../failure.ts";
import { loadCheckpoint } from "../training/checkpoint.ts";
import { cannotTakeOver } from "./cannot-take-over.ts";
import { dotted, type ExplicitMap, mapped } from "./explicit-maps.ts";
import type { ImportTarget } from "./import-target.ts";
import { type LayerOptions, libraryNumbers } from "./library-weights.ts";
import { ownNumbers } from "./own-names.ts";
import type { SourceName } from "./source-names.ts";
import { listed, type SourceFile } from "./source-tensor.ts";

export interface SourceOptions extends LayerOptions {
  /** Whose layers they are. Default: tensors have our own names. */
  readonly from?: SourceName;
  readonly map?: readonly ExplicitMap[];
  /** `initial`, or a checkpoint: what parameters have that the file says nothing about. */
  readonly rest?: string;
}

export interface Made {
  readonly state: SessionState;
  /** What came of it, a line each. */
  readonly said: readonly string[];
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What a file has numbers for, before `--map` and `--rest`. */
interface Found {
  readonly numbers: ReadonlyMap<string, Float32Array>;
  readonly known: KnownStatistics;
  readonly said: readonly string[];
  /** How many updates are behind the numbers, if that is known. */
  readonly updates?: number;
  /** The tensors that were used, where others may be left out. */
  readonly used?: ReadonlySet<string>;
  readonly error?: number;
}

/**
 * The numbers of a file for a model: of layers of another library, or by our own names. Throws C0413, C0403 and C0301 where they do not
 * fit, or do not say what every parameter is.
 */
export async function madeOf(
  file: SourceFile,
  { plan, kept, elaborated, run, steps }: ImportTarget,
  options: SourceOptions,
  seed: number,
): Promise<Made> {
  const { from, rest, map = [] } = options;
  const maps = await mapped(map, file, kept);
  const found: Found =
    from === undefined
      ? await ownNumbers(file, kept, {
          prefix: options.prefix,
          mapped: new Set(maps.keys()),
          mappedTensors: new Set(map.map(({ tensor }) => tensor)),
          optional: rest !== undefined,
          steps,
        })
      : { known: { seen: [] }, ...(await libraryNumbers(file, from, elaborated, kept, options)) };
  const both = [...maps.keys()].find((name) => found.numbers.has(name));
  if (both !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `--map names \`${both}\`, which is a parameter of the layers`,
      "leave it out",
    );
  const numbers = new Map([...found.numbers, ...maps]);
  const missing = kept.filter(({ kind, name }) => kind === "param" && !numbers.has(name));
  if (missing.length > 0 && rest === undefined) throw notSaid(file, missing);
  const others = await othersOf(rest, missing);
  const first = firstValues(plan, kept, seed);
  const tensors = new Map(
    kept.map(({ name, shape, kind }): [string, SavedTensor] => {
      const given = numbers.get(name) ?? others.get(name);
      return [name, { shape, data: given ?? (kind === "param" ? first(name) : new Float32Array(elementsOf(shape))) }];
    }),
  );
  const { name, fingerprint, measures, equations, dims, optimizer, optimizerOptions } = plan;
  const notes = run?.state.notes;
  const batches = Math.max(0, ...found.known.seen, ...Object.values(found.known.seenOver ?? {}).flat());
  // What changes with the updates goes on where it was.
  const step = found.updates ?? 0;
  const state: SessionState = {
    ...{ name, fingerprint, measures, equations, dims, optimizer, ...(optimizerOptions && { optimizerOptions }) },
    // Statistics that were collected in training trail behind the parameters: the runs since the last estimate are these batches.
    counters: { seed, step, run: Math.max(step, Math.ceil(batches)), ...found.known },
    tensors,
    ...(notes && { notes }),
  };
  const named = new Set(map.map(({ tensor }) => tensor));
  const left = [...file.tensors.values()].filter(({ name }) => found.used && !found.used.has(name) && !named.has(name));
  const said = [
    ...found.said.map((line) => `${file.path}: ${line}`),
    ...(found.error === undefined
      ? []
      : [`on random inputs the outputs agree within ${found.error.toExponential(1)} of the largest, computed in f64`]),
    ...(left.length > 0 ? [`left out: ${listed(left)}`] : []),
    ...(missing.length > 0
      ? [`as in ${rest === "initial" ? "a training that begins" : rest}: ${listed(missing)}`]
      : []),
    ...(plan.slots.length > 0
      ? [`the state of the optimiser, ${optimizer}, begins at zero`, `steps are counted from ${step} on`]
      : []),
    ...(hasUnknown(kept, state) ? ["no statistics are known yet: cellc stats --estimate collects them"] : []),
  ];
  const facts = {
    source: from ?? "names",
    taken: [...numbers.keys()],
    rest: missing.map((one) => one.name),
    ...(found.error !== undefined && { difference: found.error }),
  };
  return { state, said, facts };
}

const hasUnknown = (kept: readonly Kept[], { counters: { seen, written = [] } }: SessionState): boolean =>
  seen.length === 0 && kept.some(({ kind, name }) => kind === "stat" && !written.includes(name));

/** The missing parameters as a checkpoint has them. Throws C0403 for one that it has not. */
async function othersOf(
  rest: string | undefined,
  missing: readonly Kept[],
): Promise<ReadonlyMap<string, Float32Array>> {
  if (rest === undefined || rest === "initial" || missing.length === 0) return new Map();
  const { tensors } = await loadCheckpoint(rest);
  return new Map(
    missing.map(({ name, shape }) => {
      const found = tensors.get(name);
      if (found?.shape.join() === shape.join()) return [name, found.data];
      const is = found === undefined ? "is not there" : `is [${found.shape.join(", ")}]`;
      throw new Failure(
        "C0403",
        exit.input,
        `${rest} is no checkpoint of this model: its \`${name}\` ${is}, and should be [${shape.join(", ")}]`,
        "name one of this model, or --rest initial",
      );
    }),
  );
}

function notSaid({ tensors }: SourceFile, missing: readonly Kept[]): Failure {
  const [first] = missing;
  const isMatrix = first.shape.length === 2;
  const like = [...tensors.values()].find(({ shape }) => shape.toReversed().join() === first.shape.join());
  const example = `--map '${dotted(first.name)}=${like?.name ?? "TENSOR"}${isMatrix ? "^T" : ""}'`;
  const [is, it] = missing.length === 1 ? ["is", "it"] : ["are", "them"];
  return cannotTakeOver(
    `nothing says what ${listed(missing)} ${is}: no layer of the file has ${it}`,
    `name tensors of the file: ${example}; or let ${it} begin as in training, --rest initial, or as in another checkpoint, --rest a.safetensors`,
  );
}
