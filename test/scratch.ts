/** A folder in the repository for what the tests of a run build, gone when the run ends. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    readonly scratch: string;
  }
}

/** What vitest calls before a run: makes the folder, which tests ask for by `inject("scratch")`, and returns what removes it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const all = join(dirname(fileURLToPath(import.meta.url)), "..", ".scratch");
  await mkdir(all, { recursive: true });
  const folder = await mkdtemp(join(all, "tests-"));
  provide("scratch", folder);
  return () => rm(folder, { recursive: true });
}
