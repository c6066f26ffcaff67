import { expect, test } from "vitest";
import { randomIntegers } from "../../../cli/data/mersenne-twister.ts";

test("random integers are those of NumPy's RandomState", () => {
  // numpy.random.RandomState(seed).randint(0, below, count), of NumPy 1.24.
  expect([...randomIntegers(1, 784, 5)]).toEqual([37, 235, 72, 767, 715]);
  expect([...randomIntegers(0, 10, 8)]).toEqual([5, 0, 3, 3, 7, 9, 3, 5]);
  expect([...randomIntegers(4294967295, 1000, 5)]).toEqual([419, 290, 12, 71, 948]);
  expect([...randomIntegers(7, 2147483648, 4)]).toEqual([327741615, 976413892, 1202242073, 1369975286]);
  expect([...randomIntegers(3, 1, 3)]).toEqual([0, 0, 0]);
  expect([...randomIntegers(5, 64, 6)]).toEqual([35, 14, 47, 61, 38, 54]);
  const sum = (numbers: Uint32Array) => numbers.reduce((total, number) => total + number, 0);
  // More than one state of 624 words.
  expect(sum(randomIntegers(1, 784, 784))).toBe(308601);
  expect(sum(randomIntegers(2, 1000, 5000))).toBe(2499243);
});
