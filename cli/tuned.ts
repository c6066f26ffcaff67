/**
 * What `cellc tune` measured, by device and cell: a JSON file in the user's cache folder. Users may edit it, so it may be damaged.
 * A file that cannot be read counts as no measurements. It is never overwritten but kept beside the new one.
 */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { loopOwners } from "../compiler/partition/loop-owner.ts";
import type { LoopChoice } from "../compiler/partition/loop-strategy.ts";
import type { Plan } from "../runtime/plan.ts";
import { cacheFolder } from "./cache-folder.ts";
import { cannotWrite } from "./file-errors.ts";
import { readRecordFile, writeAtomically } from "./report/files.ts";
import { dictionary, oneOf, optional, record, type Schema } from "./report/schema.ts";
import { type TargetName, targets } from "./targets.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** By device, then by cell. */
type Tuned = Readonly<Record<string, Readonly<Record<string, LoopChoice>>>>;

export const tunedPath = (environment: Environment): string => join(cacheFolder(environment), "tuned.json");

/** The name of the device that a target runs on; undefined if there is none. */
export async function deviceName(target: TargetName, threads?: number): Promise<string | undefined> {
  try {
    return (await targets[target].device(threads)).name;
  } catch {
    return undefined;
  }
}

/** A key that differs for different cells, norms, dimensions, batches, targets and entries. */
export const cellKey = ({ name, target, fingerprint, dims, entries }: Plan): string =>
  JSON.stringify([
    target,
    name,
    fingerprint,
    Object.entries(dims).sort(),
    Object.keys(entries).filter((entry) => entry !== "start" && entry !== "step"),
  ]);

export async function recall(environment: Environment, device: string, cell: string): Promise<LoopChoice | undefined> {
  return (await readTuned(environment)).tuned[device]?.[cell];
}

/** Stores the best choice. `path` is the file; `aside` is where the old file went, if it could not be read. Throws C0409. */
export async function remember(
  environment: Environment,
  device: string,
  cell: string,
  best: LoopChoice,
): Promise<{ readonly path: string; readonly aside?: string }> {
  const path = tunedPath(environment);
  const { tuned, damaged } = await readTuned(environment);
  const aside = damaged ? `${path}.damaged` : undefined;
  if (aside !== undefined)
    await rename(path, aside).catch((error: unknown) => {
      throw cannotWrite(aside, error);
    });
  const all: Tuned = { ...tuned, [device]: { ...tuned[device], [cell]: best } };
  await writeAtomically(path, `${JSON.stringify(all, null, 2)}\n`);
  return { path, aside };
}

/** Whether this cell was measured on any device. If not, there is no need to look for the device. */
export async function anyTuned(environment: Environment, cell: string): Promise<boolean> {
  return Object.values((await readTuned(environment)).tuned).some((cells) => cells[cell] !== undefined);
}

const owner = optional(oneOf(...loopOwners));
const tunedSchema: Schema<Tuned> = dictionary(dictionary(record({ forward: owner, backward: owner })));

async function readTuned(environment: Environment): Promise<{ readonly tuned: Tuned; readonly damaged: boolean }> {
  try {
    const tuned = await readRecordFile(tunedPath(environment), "what cellc tune measured", tunedSchema);
    return { tuned: tuned ?? {}, damaged: false };
  } catch {
    return { tuned: {}, damaged: true };
  }
}

export const choiceText = (choice: LoopChoice): string =>
  Object.entries(choice)
    .map(([direction, owner]) => `${direction} ${owner}`)
    .join(", ");
