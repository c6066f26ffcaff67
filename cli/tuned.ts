/**
 * What `cellc tune` measured, by device and cell: a JSON file in the user's cache folder. It is the user's, so nothing in it
 * is trusted to be well formed: what cannot be read is as if it had not been measured.
 */
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, homedir } from "node:os";
import { join } from "node:path";
import type { LoopChoice } from "../compiler/schedule/choose.ts";
import { loopOwners } from "../compiler/schedule/loop.ts";
import type { Plan } from "../runtime/plan.ts";
import { writeAtomically } from "./report/files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** By device, then by cell. */
type Tuned = Readonly<Record<string, Readonly<Record<string, LoopChoice>>>>;

export function tunedPath({ XDG_CACHE_HOME, HOME }: Environment): string {
  return join(XDG_CACHE_HOME || join(HOME ?? homedir(), ".cache"), "cellc", "tuned.json");
}

/** The device that a target runs on, as a name; undefined where there is none. */
export async function deviceName(target: string, threads?: number): Promise<string | undefined> {
  if (target === "wasm") {
    const most = Math.min(threads ?? availableParallelism(), availableParallelism());
    return `${cpus()[0]?.model.trim() ?? process.arch}, up to ${most} threads`;
  }
  try {
    const { findAdapter } = await import("../runtime/webgpu/adapter.ts");
    const { vendor, architecture, device, description } = (await findAdapter()).adapter.info;
    return [vendor, architecture, device, description].filter((part) => part !== "").join(" ");
  } catch {
    return undefined;
  }
}

/** Tells cells, their norms, dimensions and batch apart, and what they were compiled for. */
export const cellKey = ({ name, target, fingerprint, dims, entries }: Plan): string =>
  JSON.stringify([
    target,
    name,
    fingerprint,
    Object.entries(dims).sort(),
    Object.keys(entries).filter((entry) => entry !== "start" && entry !== "step"),
  ]);

export async function recall(environment: Environment, device: string, cell: string): Promise<LoopChoice | undefined> {
  return (await readTuned(environment))[device]?.[cell];
}

export async function remember(
  environment: Environment,
  device: string,
  cell: string,
  best: LoopChoice,
): Promise<string> {
  const known = await readTuned(environment);
  const path = tunedPath(environment);
  const all: Tuned = { ...known, [device]: { ...known[device], [cell]: best } };
  await writeAtomically(path, `${JSON.stringify(all, null, 2)}\n`);
  return path;
}

/** Whether anything was measured for a target: where not, nobody need look for the device. */
export async function anyTuned(environment: Environment, cell: string): Promise<boolean> {
  return Object.values(await readTuned(environment)).some((cells) => cells[cell] !== undefined);
}

async function readTuned(environment: Environment): Promise<Tuned> {
  let found: unknown;
  try {
    found = JSON.parse(await readFile(tunedPath(environment), "utf8"));
  } catch {
    return {};
  }
  return Object.fromEntries(
    entriesOf(found).map(([device, cells]) => [
      device,
      Object.fromEntries(entriesOf(cells).filter((entry): entry is [string, LoopChoice] => isChoice(entry[1]))),
    ]),
  );
}

const entriesOf = (value: unknown): readonly [string, unknown][] =>
  typeof value === "object" && value !== null ? Object.entries(value) : [];

const isChoice = (value: unknown): value is LoopChoice =>
  entriesOf(value).length > 0 &&
  entriesOf(value).every(
    ([direction, owner]) =>
      (direction === "forward" || direction === "backward") && loopOwners.some((name) => name === owner),
  );

export const choiceText = (choice: LoopChoice): string =>
  Object.entries(choice)
    .map(([direction, owner]) => `${direction} ${owner}`)
    .join(", ");
