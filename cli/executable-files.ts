import { join } from "node:path";
import { type CodeFiles, type Manifest, manifestName, type TargetFiles } from "../runtime/manifest.ts";
import type { Executable } from "../runtime/plan.ts";
import { writeAtomically } from "./report/files.ts";
import { codeFiles, codeLoaded, type Files, type TargetName } from "./targets.ts";

/** A model as it was compiled for one target. */
export interface Compiled {
  readonly target: TargetName;
  readonly executable: Executable;
}

/** Parameters and statistics, for all targets. */
export const weightsName = "model.safetensors";

/** How the model's inputs are made of data, and its outputs read. */
export const preparationName = "preparation.json";

/**
 * A compiled model as files: of a single target its code and `plan.json`; of several, the same in a folder for each; the weights,
 * if there are any; the preparation of its data, if that is a user's own; and, last, the manifest, from which the runtime knows what
 * there is.
 */
export function executableFiles(compiled: readonly Compiled[], weights?: Uint8Array, preparation?: object): Files {
  const files: Record<string, string | Uint8Array> = {};
  const targets = compiled.map(({ target, executable: { plan, code } }): TargetFiles => {
    // A plus is a space in the addresses of some servers.
    const folder = compiled.length === 1 ? "" : `${target.replaceAll("+", "-")}/`;
    const own = { ...codeFiles(code), "plan.json": `${JSON.stringify(plan, null, 2)}\n` };
    for (const [name, content] of Object.entries(own)) files[`${folder}${name}`] = content;
    const { features } = plan;
    return { target, plan: `${folder}plan.json`, ...within(folder, codeLoaded(code)), ...(features && { features }) };
  });
  if (weights !== undefined) files[weightsName] = weights;
  if (preparation !== undefined) files[preparationName] = `${JSON.stringify(preparation, null, 2)}\n`;
  const [{ executable }] = compiled;
  const manifest: Manifest = {
    format: 1,
    name: executable.plan.name,
    targets,
    ...(weights !== undefined && { weights: weightsName }),
  };
  return { ...files, [manifestName]: `${JSON.stringify(manifest, null, 2)}\n` };
}

/** The same files, in a folder. */
function within(folder: string, { kind, ...paths }: CodeFiles): CodeFiles {
  const moved = Object.entries<string>(paths).map(([key, path]) => [key, `${folder}${path}`] as const);
  return { kind, ...Object.fromEntries(moved) } as CodeFiles;
}

/**
 * Writes them into a folder, each atomically, and the manifest last, so that it never names a file that is not there yet. Returns their
 * names. Throws C0409.
 */
export async function writeExecutable(folder: string, files: Files): Promise<readonly string[]> {
  const { [manifestName]: manifest, ...others } = files;
  await Promise.all(Object.entries(others).map(([name, content]) => writeAtomically(join(folder, name), content)));
  await writeAtomically(join(folder, manifestName), manifest);
  return Object.keys(files);
}
