import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { examplesSvg, exampleText } from "../../../cli/data/picture.ts";
import { addingTask } from "../../../cli/data/tasks/adding.ts";
import { digitsTask } from "../../../cli/data/tasks/digits.ts";
import { testStreams } from "../../data/draws.ts";

const digits = digitsTask("pixels", testStreams);

test("a digit's text has its label and a line a row", async () => {
  const label = digits.batch("train", Uint32Array.of(3)).inputs.y[0];
  const lines = (await exampleText(digits, "train", 3)).split("\n");
  expect(lines[0]).toBe(`train 3: y = ${label}`);
  expect(lines).toHaveLength(1 + digits.picture!.rows);
  expect(lines.slice(1).join("")).toMatch(/[▓█]/);
});

test("a sequence's text shows the first steps of each feature", async () => {
  const lines = (await exampleText(addingTask(40, testStreams), "train", 0)).split("\n");
  expect(lines[0]).toMatch(/^train 0: y = \d\.\d\d$/);
  expect(lines[1]).toMatch(/^ {2}x\[0\] .*… \(40 steps\)$/);
  expect(lines[2]).toMatch(/^ {2}x\[1\] +[01] /);
});

test("the SVG has a square a pixel of every example", () => {
  const { document } = parseHTML(examplesSvg(digits, "train", [0, 1, 2]));
  const { rows, columns } = digits.picture!;
  expect(document.querySelectorAll("rect").length).toBe(1 + 3 * rows * columns);
});
