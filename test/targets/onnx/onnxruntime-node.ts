/** ONNX Runtime, as `npm run bench:setup` installs it. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { RunOnnx } from "./exported.ts";

interface Ort {
  readonly InferenceSession: {
    create(
      bytes: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: object): Promise<Record<string, { dims: readonly number[]; data: ArrayLike<number | bigint> }>>;
      release(): Promise<void>;
    }>;
  };
  readonly Tensor: new (element: string, data: unknown, dims: readonly number[]) => object;
}

/** Throws if it is not installed. */
export function onnxRuntime(): RunOnnx {
  const require = createRequire(fileURLToPath(new URL("../../../bench/peers/package.json", import.meta.url)));
  const ort = require("onnxruntime-node") as Ort;
  return async (bytes, feeds) => {
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const given = Object.entries(feeds).map(([name, { element, dims, data }]) => [
      name,
      new ort.Tensor(element, data, dims),
    ]);
    const found = await session.run(Object.fromEntries(given));
    await session.release();
    return found;
  };
}
