/** What `cellc export --to onnx` writes of a cell, for a job's numbers. */
import { fileURLToPath } from "node:url";
import { fileHost } from "../../cli/api/file-host.ts";
import { encodeOnnx } from "../../cli/export/encode-onnx.ts";
import { exportable } from "../../compiler/lower.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { onnxModel } from "../../targets/onnx/model.ts";
import type { Job } from "../protocol.ts";

/**
 * The job's form is the op that its loop becomes: throws if that is not what the cell is. Statistics are one row, which serves all steps,
 * and are read step by step like any others.
 */
export function exportedModel(
  { cell, form, D, H }: Job,
  numbers: Readonly<Record<string, ArrayLike<number>>>,
): Uint8Array {
  const path = fileURLToPath(new URL(`../../examples/cells/${cell}.cell`, import.meta.url));
  const { graph, dims } = elaborate(path, fileHost, { entry: cell, dims: { D, H } });
  const { model, loops } = onnxModel(exportable(graph, { dims }), {
    dims: { ...dims, steps: 1 },
    numbers: new Map(Object.entries(numbers)),
    recognise: form !== "Scan",
    version: "bench",
  });
  const [{ op }] = loops;
  if (op !== form) throw new Error(`${cell} is a ${op}, not a ${form}`);
  return encodeOnnx(model);
}
