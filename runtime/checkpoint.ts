import { areTexts, isCounters } from "./check-state.ts";
import { damaged, encodeSafetensors, foreign, type Header, readHeader, readTensors } from "./safetensors.ts";
import { isCount, isRecord } from "./shown.ts";
import type { SessionState } from "./state.ts";

/** The metadata's `format`, which tells a checkpoint from another program's safetensors. */
const format = "cellc-checkpoint-2";

/** The earlier format, which does not record the model's equations. */
const firstFormat = "cellc-checkpoint-1";

/** A session's state as a safetensors file. Tensors have the plan's names; everything else is in the metadata. */
export function encodeCheckpoint(state: SessionState): Uint8Array<ArrayBuffer> {
  const { name, fingerprint, measures, equations, dims, optimizer, optimizerOptions, counters, tensors } = state;
  const known = measures !== undefined && equations !== undefined;
  const metadata = {
    format: known ? format : firstFormat,
    name,
    fingerprint,
    optimizer,
    ...(optimizerOptions && { optimizerOptions: JSON.stringify(optimizerOptions) }),
    dims: JSON.stringify(dims),
    counters: JSON.stringify(counters),
    ...(known && { measures: JSON.stringify(measures), equations: JSON.stringify(equations) }),
  };
  return encodeSafetensors({ tensors, metadata });
}

/**
 * Reads a checkpoint; `Session.restore` checks that it belongs to the right model. Errors: C0404 for a damaged one, C0407 for
 * another program's file.
 */
export function decodeCheckpoint(bytes: Uint8Array): SessionState {
  const header = readHeader(bytes);
  const { metadata } = header;
  if (metadata.format !== format && metadata.format !== firstFormat) throw foreign(`it is ${described(header)}`);
  const text = (key: string): string => {
    if (!Object.hasOwn(metadata, key)) throw damaged(`its metadata lacks \`${key}\``);
    return metadata[key];
  };
  const dims = parse(text("dims"));
  const counters = parse(text("counters"));
  if (!isCountRecord(dims)) throw damaged("its dimensions are not numbers");
  if (!isCounters(counters)) throw damaged("its counters are not numbers");
  return {
    name: text("name"),
    fingerprint: text("fingerprint"),
    ...(metadata.format === format && { measures: texts(text("measures")), equations: texts(text("equations")) }),
    optimizer: text("optimizer"),
    ...(Object.hasOwn(metadata, "optimizerOptions") && { optimizerOptions: texts(text("optimizerOptions")) }),
    dims,
    counters,
    tensors: readTensors(bytes, header).tensors,
  };
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged("its metadata is not JSON");
  }
}

function texts(text: string): Readonly<Record<string, string>> {
  const found = parse(text);
  if (!areTexts(found)) throw damaged("what it says of the model's equations or optimiser is not text");
  return found;
}

function isCountRecord(value: unknown): value is Record<string, number> {
  return isRecord(value) && Object.values(value).every(isCount);
}
