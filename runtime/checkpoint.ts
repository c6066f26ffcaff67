import { firstFormat, format, parse, readCheckpoint } from "./read-checkpoint.ts";
import { encodeSafetensors, type Header, readHeader } from "./safetensors.ts";
import { averagePrefix, carriedPrefix, type SavedCarry, type SessionState } from "./state.ts";

/** A session's state as a safetensors file. Tensors have the plan's names; everything else is in the metadata. */
export function encodeCheckpoint(state: SessionState): Uint8Array<ArrayBuffer> {
  const { name, fingerprint, measures, equations, dims, optimizer, optimizerOptions } = state;
  const { counters, tensors, notes, carried } = state;
  const known = measures !== undefined && equations !== undefined;
  const metadata = {
    format: known ? format : firstFormat,
    name,
    fingerprint,
    optimizer,
    ...(optimizerOptions && { optimizerOptions: JSON.stringify(optimizerOptions) }),
    dims: JSON.stringify(dims),
    counters: JSON.stringify(counters),
    ...(notes && { notes: JSON.stringify(notes) }),
    ...(known && { measures: JSON.stringify(measures), equations: JSON.stringify(equations) }),
  };
  const average = [...(state.average ?? [])].map(([name, tensor]) => [averagePrefix + name, tensor] as const);
  return encodeSafetensors({
    tensors: new Map([...tensors, ...average, ...(carried?.tensors ?? [])]),
    metadata: { ...metadata, ...(carried && { carried: JSON.stringify(carried.steps) }) },
  });
}

/**
 * Reads a checkpoint; `Session.restore` checks that it belongs to the right model. Errors: C0404 for a damaged one, C0407 for
 * another program's file, with what is in it.
 */
export function decodeCheckpoint(bytes: Uint8Array): SessionState {
  const state = readCheckpoint(bytes, described);
  const { carried: steps } = readHeader(bytes).metadata;
  const [average, others] = parted(state.tensors, averagePrefix);
  const [carried, tensors] = parted(others, steps === undefined ? undefined : carriedPrefix);
  return {
    ...state,
    tensors,
    ...(average.size > 0 && {
      average: new Map([...average].map(([name, tensor]) => [name.slice(averagePrefix.length), tensor])),
    }),
    // `restore` checks what it goes on from.
    ...(steps !== undefined && { carried: { steps: parse(steps) as SavedCarry["steps"], tensors: carried } }),
  };
}

type Tensors = SessionState["tensors"];

/** The tensors whose names begin with a prefix, and the others. */
function parted(tensors: Tensors, prefix: string | undefined): readonly [Tensors, Tensors] {
  const isOf = (name: string): boolean => prefix !== undefined && name.startsWith(prefix);
  return [new Map([...tensors].filter(([name]) => isOf(name))), new Map([...tensors].filter(([name]) => !isOf(name)))];
}

/** The most tensors, or entries of metadata, that a message names. */
const MOST_NAMED = 6;

/** `a sound safetensors file with weight_ih_l0 [400, 28] and 3 tensors more (metadata: format = pt)`. */
function described({ places, metadata }: Header): string {
  const { format: theirs } = metadata;
  if (theirs?.startsWith("cellc-checkpoint-")) return `of the format ${theirs}, which this version does not know`;
  const names = places.map(({ name, shape }) => `${name} [${shape.join(", ")}]`);
  const words = Object.entries(metadata).map(([key, value]) => `${key} = ${value.slice(0, 40)}`);
  const held = names.length === 0 ? "without tensors" : `with ${listed(names)}`;
  return `a sound safetensors file, ${held}${words.length > 0 ? ` (metadata: ${listed(words)})` : ""}, that another program wrote`;
}

const listed = (words: readonly string[]): string =>
  words.length <= MOST_NAMED
    ? words.join(", ")
    : `${words.slice(0, MOST_NAMED).join(", ")} and ${words.length - MOST_NAMED} more`;
