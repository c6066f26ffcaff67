/** `CELLC_DUMP=dir`: every stage of every compilation of a run, a folder each, numbered in the order they were made. */

import { basename, join } from "node:path";
import { parse } from "../compiler/syntax/parse.ts";
import type { Executable } from "../runtime/plan.ts";
import { executableFiles } from "./executable-files.ts";
import { readSource } from "./read-source.ts";
import { writeAtomically } from "./report/files.ts";
import { formsAfterPasses } from "./stages.ts";
import type { TargetName } from "./targets.ts";

/** Collects the stages of one compilation; nothing is on the disk before `write`. */
export interface Dump {
  observe(stage: string, text: () => string): void;
  /** Writes what was collected, the executable with it where the compilation came that far. */
  write(executable: Executable | undefined): Promise<void>;
}

/** Stages that are not graphs. */
const afterPasses: ReadonlySet<string> = new Set(formsAfterPasses);

let compilations = 0;

/** A dump into `folder` of the compilation of `file`: `01-bnlstm-wgsl/00-ast.json`, `…/01-elaborate.ir`, …, `…/kernels/plan.json`. */
export function openDump(folder: string, file: string, target: TargetName): Dump {
  compilations += 1;
  const inside = join(folder, `${twoDigits(compilations)}-${basename(file, ".cell")}-${target}`);
  const stages: { readonly name: string; readonly text: () => string }[] = [
    { name: "ast.json", text: () => JSON.stringify(parse(readSource(file), file).file, null, 2) },
  ];
  return {
    observe(stage, text) {
      stages.push({ name: afterPasses.has(stage) ? `${stage}.txt` : `${stage}.ir`, text });
    },
    async write(executable) {
      for (const [at, { name, text }] of stages.entries()) {
        await writeAtomically(join(inside, `${twoDigits(at)}-${name}`), text());
      }
      if (executable === undefined) return;
      for (const [name, content] of Object.entries(executableFiles([{ target, executable }]))) {
        await writeAtomically(join(inside, "kernels", name), content);
      }
    },
  };
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
