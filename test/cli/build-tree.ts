/** The tree compiled to JavaScript as `npm run build` does it: a process starts five times as fast as through a loader. */
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { distribute } from "../house/distribution.ts";

export const repository: string = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** A new folder in `within`, which is in the repository, so that packages and examples are found. */
export async function buildTree(within: string): Promise<string> {
  const folder = await mkdtemp(join(within, "cli-"));
  const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
  const config = ["-p", "tsconfig.build.json", "--noCheck", "--declaration", "false", "--outDir", folder];
  await promisify(execFile)(process.execPath, [compiler, ...config], { cwd: repository });
  await distribute(folder);
  return folder;
}
