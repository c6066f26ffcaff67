/** Writes the files of a module, or says whether they are up to date. */
import { exit, Failure } from "../failure.ts";
import { readWhole, writeAtomically } from "../report/files.ts";
import type { ModuleFiles } from "./module-files.ts";

/** Writes what has changed; a file that is as it should be is not touched. Returns the paths of those written. Errors: C0409. */
export async function writeModule(files: ModuleFiles): Promise<readonly string[]> {
  const changed = await staleIn(files);
  for (const path of changed) await writeAtomically(path, files.get(path)!);
  return changed;
}

/** Errors: C0412, if a file is missing or is not what the cell would give now. */
export async function verifyModule(files: ModuleFiles, command: string): Promise<void> {
  const stale = await staleIn(files);
  if (stale.length === 0) return;
  throw new Failure(
    "C0412",
    exit.input,
    `${stale.join(", ")}: not up to date with the cell`,
    `make it again: ${command}`,
  );
}

async function staleIn(files: ModuleFiles): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, content] of files) {
    const found = await readWhole(path);
    if (found === undefined || !found.equals(Buffer.from(content))) stale.push(path);
  }
  return stale;
}
