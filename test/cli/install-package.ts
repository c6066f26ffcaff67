/** The package as an application has it: built, with its declarations, in the application's node_modules. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { distribute } from "../house/distribution.ts";
import { repository } from "./build-tree.ts";

/** Makes an application's folder in `within`, which is in the repository, so that other packages are found. */
export async function applicationWithPackage(within: string): Promise<string> {
  const folder = await mkdtemp(join(within, "application-"));
  const installed = join(folder, "node_modules/cellc");
  // Outside of node_modules, where it is no package of ours.
  const dist = join(folder, "dist");
  await mkdir(installed, { recursive: true });
  const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
  await promisify(execFile)(process.execPath, [compiler, "-p", "tsconfig.build.json", "--noCheck", "--outDir", dist], {
    cwd: repository,
  });
  await distribute(dist);
  await rename(dist, join(installed, "dist"));
  await copyFile(join(repository, "package.json"), join(installed, "package.json"));
  await symlink(join(repository, "examples"), join(installed, "examples"));
  return folder;
}
