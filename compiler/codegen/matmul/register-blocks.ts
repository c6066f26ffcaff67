/**
 * Register blocks: rows × vectors of a product's result whose sums stay in registers. V8 has 15 vector registers to give, and loads
 * all operands of a round before it multiplies any of them: sums, vectors and rows must fit together. With one more, a sum is spilled
 * in every round: a row by 8 vectors takes 1.4 times as long as by 7.
 */

const REGISTERS = 15;

/** The most vectors beside each other in a block of so many rows. */
const mostVectors = (rows: number): number => Math.floor((REGISTERS - rows) / (rows + 1));

/** Rows of a block, largest first. Each makes as many products in a cycle as a core can, a single row nearly as many. */
export const BLOCK_ROWS: readonly number[] = [4, 2, 1];

/**
 * The widths in columns of blocks of so many rows, largest first. A single row waits for its sums, whatever its width, so that what is
 * left of the columns is taken at once.
 */
export function blockWidths(rows: number): readonly number[] {
  const most = mostVectors(rows);
  const narrower = Array.from({ length: most - 1 }, (_, i) => most - 1 - i);
  const vectors = [most, ...narrower.filter((n) => rows === 1 || (n & (n - 1)) === 0)];
  return [...vectors.map((n) => 4 * n), 1];
}
