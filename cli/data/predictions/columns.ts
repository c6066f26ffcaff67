/** What predictions are, to be written: columns with a value, or several, for each row. */

export type Column =
  | {
      readonly kind: "numbers";
      readonly name: string;
      /** Of the value of a row: [] for a number, [horizon, targets] for a forecast. */
      readonly shape: readonly number[];
      /** Row-major: [rows, …shape]. */
      readonly values: Float32Array | Float64Array | Int32Array;
      /** What the numbers of a row are called where they stand side by side: as many as the shape has. Default: `name_0`, `name_1`, … */
      readonly parts?: readonly string[];
    }
  | {
      readonly kind: "texts";
      readonly name: string;
      readonly values: readonly string[];
    };

/** How many numbers or texts a column has in a row. */
export const widthOf = (column: Column): number =>
  column.kind === "texts" ? 1 : column.shape.reduce((product, extent) => product * extent, 1);

/** How many rows the columns have. Throws RangeError if they disagree, or two have the same name: the caller's mistake. */
export function rowsOf(columns: readonly Column[]): number {
  const names = columns.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new RangeError(`columns of the same name: ${names.join(", ")}`);
  const rows = columns.map((column) => column.values.length / widthOf(column));
  if (rows.some((count) => count !== rows[0] || !Number.isInteger(count)))
    throw new RangeError(`columns of ${rows.join(", ")} rows`);
  return rows[0] ?? 0;
}

/** A text, of few digits where they suffice, that is read as this number in the precision of its column. */
export function shortest(value: number, values: Float32Array | Float64Array | Int32Array): string {
  if (!(values instanceof Float32Array) || !Number.isFinite(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}
