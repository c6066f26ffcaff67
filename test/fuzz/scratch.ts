/** Where the processes of a campaign keep their files, and the command line that they run: whoever starts the campaign says it. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildTree } from "../cli/build-tree.ts";

const FOLDER = "CELLC_FUZZ_SCRATCH";
const BUILT = "CELLC_FUZZ_BUILT";

/** What processes must be told to use `folder`, with the command line compiled there. */
export async function scratchIn(folder: string): Promise<Readonly<Record<string, string>>> {
  return { [FOLDER]: folder, [BUILT]: await buildTree(folder) };
}

function told(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the environment lacks ${name}; a campaign's processes are told it`);
  return value;
}

/** A new folder, which goes with the campaign's if nobody removes it before: a process that is killed cannot. */
export function newFolder(): Promise<string> {
  return mkdtemp(join(told(FOLDER), "case-"));
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
export const builtCommand = (): string => join(told(BUILT), "cli/main.js");
