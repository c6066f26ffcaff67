/** The pictures of all examples, and the index that shows them. `npx vitest run test/cli/draw -u` draws them again. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { drawn } from "../../../cli/commands/draw.ts";
import { exampleFolders, examplesIn } from "../../compile/examples.ts";

const examples = exampleFolders.flatMap((folder) => examplesIn(folder, "cell", "model"));
const index = readFileSync("examples/README.md", "utf8");

it.each(examples)("$entry has a picture, and a row of the index", async ({ path, entry }) => {
  await expect(drawn(path, { entry, dims: {}, cell: {} })).toMatchFileSnapshot(
    `../../../examples/pictures/${entry}.svg`,
  );
  const row = index.split("\n").find((line) => line.includes(`(pictures/${entry}.svg)`));
  expect(row).toContain(`\`${entry}\` in [${path.replace("examples/", "")}](${path.replace("examples/", "")})`);
});

it("no picture is of something else", () => {
  const names = readdirSync("examples/pictures").map((file) => file.replace(".svg", ""));
  expect(names.toSorted()).toEqual(examples.map(({ entry }) => entry).toSorted());
});

it("the index links nothing that does not exist", () => {
  for (const [, target] of index.matchAll(/\]\(([^#)]+)\)/g))
    expect(existsSync(`examples/${target}`), target).toBe(true);
});
