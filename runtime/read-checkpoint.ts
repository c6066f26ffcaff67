/** Reads what `checkpoint.ts` writes. */
import { areTexts, isCounters } from "./check-state.ts";
import { damaged, foreign, type Header, readHeader, readTensors } from "./safetensors.ts";
import { isCount, isRecord } from "./shown.ts";
import type { SessionState } from "./state.ts";

/** The metadata's `format`, which tells a checkpoint from another program's safetensors. */
export const format = "cellc-checkpoint-2";

/** The earlier format, which does not record the model's equations. */
export const firstFormat = "cellc-checkpoint-1";

/**
 * Reads a checkpoint, with averages and what is carried among its tensors, which inference passes over. `described`: what another program's file is, as the end of a sentence. Errors: C0404 for a damaged one, C0407 for
 * another program's.
 */
export function readCheckpoint(bytes: Uint8Array, described: (header: Header) => string): SessionState {
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
    ...(Object.hasOwn(metadata, "notes") && { notes: texts(text("notes"), "its notes are not text") }),
    dims,
    counters,
    tensors: readTensors(bytes, header).tensors,
  };
}

/** Errors: C0404. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged("its metadata is not JSON");
  }
}

function texts(
  text: string,
  otherwise = "what it says of the model's equations or optimiser is not text",
): Readonly<Record<string, string>> {
  const found = parse(text);
  if (!areTexts(found)) throw damaged(otherwise);
  return found;
}

function isCountRecord(value: unknown): value is Record<string, number> {
  return isRecord(value) && Object.values(value).every(isCount);
}
