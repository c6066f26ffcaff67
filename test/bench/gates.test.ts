import { expect, test } from "vitest";
import { ours, reorder, transpose } from "../../bench/peers/gates.ts";

test("blocks of gates are moved within each row", () => {
  const rows = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, /* the second row */ 11, 12, 13, 14, 15, 16, 17, 18);
  const moved = reorder(rows, 2, ours, "ifgo");
  expect([...moved]).toEqual([3, 4, 1, 2, 7, 8, 5, 6, 13, 14, 11, 12, 17, 18, 15, 16]);
});

test.each(["ifgo", "iofg", "igfo", "fiog"] as const)("moving to %s and back changes nothing", (order) => {
  const data = Float32Array.from({ length: 24 }, (_, i) => i);
  expect(reorder(reorder(data, 3, ours, order), 3, order, ours)).toEqual(data);
});

test("transposing swaps rows and columns", () => {
  expect([...transpose(Float32Array.of(1, 2, 3, 4, 5, 6), 3)]).toEqual([1, 4, 2, 5, 3, 6]);
});
