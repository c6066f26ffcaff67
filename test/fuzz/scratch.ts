/** Where the processes of a campaign keep their files, and the command line that they run. Whoever starts the campaign sets both. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildTree } from "../cli/build-tree.ts";

const FOLDER = "CELLC_FUZZ_SCRATCH";
const BUILT = "CELLC_FUZZ_BUILT";

/** The environment variables that make processes use `folder`, with the command line compiled there. */
export async function scratchIn(folder: string): Promise<Readonly<Record<string, string>>> {
  return { [FOLDER]: folder, [BUILT]: await buildTree(folder) };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the environment lacks ${name}, which a campaign sets for its processes`);
  return value;
}

/** A new folder, which goes with the campaign's if nobody removes it before: a process that is killed cannot. */
export function newFolder(): Promise<string> {
  return mkdtemp(join(required(FOLDER), "case-"));
}

export async function inNewFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await newFolder();
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The script that Node runs as `cellc`. */
export const builtCommand = (): string => join(required(BUILT), "cli/main.js");
