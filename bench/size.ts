/** How much does a page load to run one compiled cell: the bundled runtime, the plan and the kernels? */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { fileHost } from "../cli/api/file-host.ts";
import { makeModule } from "../cli/modules/make-module.ts";
import { loadPrinter } from "../cli/modules/printer.ts";
import { plainTargets, type TargetName, targets } from "../cli/targets.ts";
import type { EntryName } from "../runtime/plan.ts";
import type { Wanted } from "./comparisons.ts";

/** What is wanted of a target's runtime with a cell that can be trained, in bytes. */
export const sizeGoals: Readonly<Partial<Record<TargetName, Wanted>>> = {
  wasm: { most: 25_000 },
  wgsl: { most: 25_000 },
};

/** Bytes after gzip. */
export interface Size {
  readonly target: TargetName;
  /** What the cell can do: inference only, or also training and streams. */
  readonly use: "inference" | "training";
  readonly runtime: number;
  /** What plan and kernels add to it. */
  readonly cell: number;
  readonly total: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** Sizes of the typed module of the batch-normalized LSTM with the dimensions of its file. */
export async function sizes(): Promise<readonly Size[]> {
  const found: Size[] = [];
  for (const target of plainTargets) {
    for (const use of ["inference", "training"] as const) {
      const make = use === "inference" ? "inferenceModule" : "trainingModule";
      const runtime = await bundled(
        `export { ${make}, ${targets[target].moduleBackend} } from "cellc/runtime/module";`,
      );
      const total = await bundled(await moduleOf(target, use === "inference" ? ["infer"] : undefined));
      found.push({ target, use, runtime, cell: total - runtime, total });
    }
  }
  return found;
}

async function moduleOf(target: TargetName, entries: readonly EntryName[] | undefined): Promise<string> {
  const file = `${root}examples/cells/bnlstm.cell`;
  const { description } = await makeModule({
    ...{ file, host: fileHost, options: { entries }, kernels: [target] },
    command: (name) => name,
  });
  return (await loadPrinter()).moduleText(description);
}

/** Minified and compressed, as a page loads it. */
async function bundled(contents: string): Promise<number> {
  const bundle = await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    alias: { "cellc/runtime/module": `${root}runtime/module/index.ts` },
    // The optional package of WebGL2 is counted by whoever measures it.
    external: ["gpu.js"],
    ...{ bundle: true, minify: true, format: "esm", platform: "browser", write: false },
  });
  return gzipSync(bundle.outputFiles[0].contents, { level: 9 }).length;
}
