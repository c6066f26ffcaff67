/** The package as an application has it: built, with its declarations, in the application's node_modules. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { repository } from "./build-tree.ts";

/** Makes an application's folder in `within`, which is in the repository, so that other packages are found. */
export async function applicationWithPackage(within: string): Promise<string> {
  const folder = await mkdtemp(join(within, "application-"));
  const installed = join(folder, "node_modules/cellc");
  const dist = join(installed, "dist");
  await mkdir(installed, { recursive: true });
  const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
  await promisify(execFile)(process.execPath, [compiler, "-p", "tsconfig.build.json", "--noCheck", "--outDir", dist], {
    cwd: repository,
  });
  const chevrotain = join(dist, "compiler/syntax/chevrotain.js");
  await bundle({ entryPoints: [chevrotain], bundle: true, format: "esm", outfile: chevrotain, allowOverwrite: true });
  await copyFile(join(repository, "package.json"), join(installed, "package.json"));
  return folder;
}
