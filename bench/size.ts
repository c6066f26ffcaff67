/** How much does a page load to run one compiled cell: the bundled runtime, the plan and the kernels? */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { fileHost } from "../cli/api/file-host.ts";
import { codeServed, plainTargets, targets } from "../cli/targets.ts";
import { compile } from "../compiler/compile.ts";
import type { Target } from "../compiler/target.ts";
import type { EntryName } from "../runtime/plan.ts";

/** Bytes after gzip. */
export interface Size {
  readonly target: Target["name"];
  /** What the cell can do: inference only, or also training. */
  readonly use: "inference" | "training";
  readonly runtime: number;
  /** Plan and kernels. */
  readonly cell: number;
  readonly total: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** What an application imports from the runtime: a session, the decoder for checkpoints, and the backend. */
const application = (backend: string): string =>
  `export { Session, decodeCheckpoint, ${backend} } from "./runtime/index.ts";`;

/** Sizes for the batch-normalized LSTM with the dimensions of its file. */
export async function sizes(): Promise<readonly Size[]> {
  const made = await Promise.all(
    plainTargets.map(async (name) => {
      const { load, backend } = targets[name];
      return { target: await load(), runtime: await bundled(backend) };
    }),
  );
  return made.flatMap(({ target, runtime }) =>
    (["inference", "training"] as const).map((use): Size => {
      const cell = compiled(target, use === "inference" ? ["infer"] : undefined);
      return { target: target.name, use, runtime, cell, total: runtime + cell };
    }),
  );
}

async function bundled(backend: string): Promise<number> {
  const bundle = await build({
    stdin: { contents: application(backend), resolveDir: root, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    // Named beside the runtime: bundlers put it in a file of its own.
    external: ["gpu.js"],
    write: false,
  });
  return compressed(bundle.outputFiles[0].contents);
}

/** Compressed size of the plan, without white space, and of the kernels that a page loads. */
function compiled(target: Target, entries: readonly EntryName[] | undefined): number {
  const { plan, code } = compile(`${root}examples/cells/bnlstm.cell`, { entries }, target, fileHost).executable;
  return compressed(JSON.stringify(plan)) + compressed(codeServed(code));
}

const compressed = (content: string | Uint8Array): number => gzipSync(content, { level: 9 }).length;
