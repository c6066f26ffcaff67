/** The seeded numbers that every contender reads from a file, so that their results can be compared. */
import { keyOf, normalAt } from "../runtime/random.ts";
import { encodeSafetensors } from "../runtime/safetensors.ts";
import type { Workload } from "./workloads.ts";

const SEED = 1;

interface Drawn {
  readonly name: string;
  readonly shape: readonly number[];
  /** Maps a standard normal deviate to an element. */
  readonly map: (z: number) => number;
}

/**
 * Parameters with the names of compiled cells, gates in the order f, i, o, g; population statistics; inputs x [T, B, D]; and the
 * factors d_h [T, B, H] of the outputs in the loss.
 */
function drawn({ kind, B, H, T, D }: Workload): readonly Drawn[] {
  // Weights with standard deviation 1/√(fan in), so that gates are neither closed nor saturated.
  const weight = (name: string, rows: number): Drawn => ({
    name,
    shape: [rows, 4 * H],
    map: (z) => z / Math.sqrt(rows),
  });
  // Gains near the paper's 0.1.
  const gain = (name: string, n: number): Drawn => ({ name, shape: [n], map: (z) => 0.1 + 0.02 * z });
  const statistics = (site: string, n: number): readonly Drawn[] => [
    { name: `${site}/m`, shape: [n], map: (z) => 0.1 * z },
    { name: `${site}/v`, shape: [n], map: (z) => 0.5 + Math.abs(z) },
  ];
  return [
    weight("Wx", D),
    weight("Wh", H),
    { name: "b", shape: [4 * H], map: (z) => 0.3 * z },
    gain("hh/g", 4 * H),
    gain("xh/g", 4 * H),
    gain("cc/g", H),
    { name: "cc/k", shape: [H], map: (z) => 0.1 * z },
    { name: "x", shape: [T, B, D], map: (z) => z },
    ...(kind === "train"
      ? [{ name: "d_h", shape: [T, B, H], map: (z: number) => z }]
      : [...statistics("hh", 4 * H), ...statistics("xh", 4 * H), ...statistics("cc", H)]),
  ];
}

/** All tensors of a workload as a safetensors file. */
export function numbersFile(workload: Workload): Uint8Array {
  const tensors = drawn(workload).map(({ name, shape, map }) => {
    const key = keyOf(SEED, name);
    const data = new Float32Array(shape.reduce((n, extent) => n * extent, 1));
    for (let i = 0; i < data.length; i++) data[i] = map(normalAt(key, i));
    return [name, { shape, data }] as const;
  });
  return encodeSafetensors({ tensors: new Map(tensors), metadata: {} });
}
