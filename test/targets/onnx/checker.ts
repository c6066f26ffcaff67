/** ONNX's own checker, in Python: Debian's python3-onnx, which knows the operator set that is written. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's, whichever Python comes first in the path. */
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

const SCRIPT = `
import sys, json, onnx
for path in sys.argv[1:]:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        shape = lambda v: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        print(json.dumps({"outputs": {v.name: shape(v) for v in inferred.graph.output}}))
    except Exception as fault:
        print(json.dumps({"fault": str(fault)}))
`;

export interface Checked {
  readonly fault?: string;
  /** The shapes that are inferred, with the names of what the run decides. */
  readonly outputs?: Readonly<Record<string, readonly (number | string)[]>>;
}

/** What the checker says of each model, types and shapes inferred strictly. Throws if there is no checker. */
export async function check(models: readonly Uint8Array[]): Promise<readonly Checked[]> {
  const folder = await mkdtemp(join(tmpdir(), "cellc-onnx-"));
  try {
    const paths = await Promise.all(
      models.map(async (bytes, i) => {
        const path = join(folder, `${i}.onnx`);
        await writeFile(path, bytes);
        return path;
      }),
    );
    const { status, stdout, stderr } = spawnSync(python, ["-c", SCRIPT, ...paths], { encoding: "utf8" });
    if (status !== 0)
      throw new Error(
        `ONNX's checker does not run: ${stderr}\n  Debian, Ubuntu: sudo apt-get install python3-onnx\n  elsewhere:      pip install onnx`,
      );
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Checked);
  } finally {
    await rm(folder, { recursive: true });
  }
}
