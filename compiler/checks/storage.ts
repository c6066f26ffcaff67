/** Checks whether the machine can store f16. */
import { CompileError } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Storage } from "../pipelines.ts";
import type { Target } from "../target.ts";

/** Throws C0307 if `target` cannot store what is asked for. */
export function checkStorage(storage: Storage | undefined, { name, machine }: Pick<Target, "name" | "machine">): void {
  if (storage !== "f16" || machine.halves) return;
  throw new CompileError([
    {
      code: "C0307",
      severity: "error",
      message: `the target ${name} stores f32 only`,
      span: nowhere,
      help: "leave out --storage f16, or compile for WebGPU: --target wgsl",
    },
  ]);
}
