import { expect, test } from "vitest";
import { normalPoint, studentPoint } from "../../../cli/statistics/student.ts";

// The tables of Student's t that every textbook has.
test.each([
  [0.025, 1, 12.706],
  [0.025, 2, 4.303],
  [0.025, 3, 3.182],
  [0.025, 4, 2.776],
  [0.025, 9, 2.262],
  [0.025, 30, 2.042],
  [0.005, 1, 63.657],
  [0.005, 5, 4.032],
  [0.0005, 10, 4.587],
  [0.1, 7, 1.415],
])("a share of %f of Student's t with %i degrees of freedom is above %f", (tail, freedom, point) => {
  expect(studentPoint(tail, freedom)).toBeCloseTo(point, 3);
});

test("the normal distribution is what many degrees of freedom make of it", () => {
  expect(normalPoint(0.025)).toBeCloseTo(1.96, 3);
  expect(normalPoint(0.001)).toBeCloseTo(3.0902, 2);
});
