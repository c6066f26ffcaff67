/** Libraries order the gates of an LSTM differently; a packed weight says in which order only by convention. */

/** Input, forget, output gate and candidate, in some order. */
export type GateOrder = "fiog" | "ifgo" | "iofg" | "igfo";

/** The order of this project's cells. */
export const ours: GateOrder = "fiog";

/** Rows of 4H numbers, their blocks of H moved from one order to another. */
export function reorder(data: Float32Array, H: number, from: GateOrder, to: GateOrder): Float32Array {
  const moved = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += 4 * H) {
    for (const [block, gate] of [...to].entries()) {
      const source = row + from.indexOf(gate) * H;
      moved.set(data.subarray(source, source + H), row + block * H);
    }
  }
  return moved;
}

/** [rows, columns] → [columns, rows]. */
export function transpose(data: Float32Array, columns: number): Float32Array {
  const rows = data.length / columns;
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
}
