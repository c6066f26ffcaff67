import { isCounters } from "./check-state.ts";
import { isCount } from "./plan-schema.ts";
import { damaged, decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import type { SessionState } from "./state.ts";

/** Stands in the metadata, so that another program's safetensors are told from a checkpoint. */
const format = "cellc-checkpoint-1";

/** A session's state as a safetensors file. Names are the plan's; what is no tensor stands in the metadata. */
export function encodeCheckpoint(state: SessionState): Uint8Array<ArrayBuffer> {
  const { name, fingerprint, dims, optimizer, counters, tensors } = state;
  const metadata = {
    format,
    name,
    fingerprint,
    optimizer,
    dims: JSON.stringify(dims),
    counters: JSON.stringify(counters),
  };
  return encodeSafetensors({ tensors, metadata });
}

/** Reads a checkpoint; `Session.restore` checks that it is of the right model. Errors: C0404. */
export function decodeCheckpoint(bytes: Uint8Array): SessionState {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format) throw damaged("it is no checkpoint of this program");
  const text = (key: string): string => {
    const value = metadata[key];
    if (value === undefined) throw damaged(`its metadata lacks \`${key}\``);
    return value;
  };
  const dims = parse(text("dims"));
  const counters = parse(text("counters"));
  if (!isCountRecord(dims)) throw damaged("its dimensions are not numbers");
  if (!isCounters(counters)) throw damaged("its counters are not numbers");
  return {
    name: text("name"),
    fingerprint: text("fingerprint"),
    optimizer: text("optimizer"),
    dims,
    counters,
    tensors,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged("its metadata is not JSON");
  }
}

function isCountRecord(value: unknown): value is Record<string, number> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isCount);
}
