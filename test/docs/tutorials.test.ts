/** The tutorials, followed line by line: what their commands print is what they show. `-u` writes into them what was printed. */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { type Reader, readersRoom } from "./reader.ts";
import { difference, settled } from "./same-output.ts";
import { type Part, partsOf, unfoundedNumbers, withPrinted } from "./tutorial.ts";

const tutorials = readdirSync("docs/tutorials").filter((name) => name.endsWith(".md"));

/** Half a minute each, and more where two cores do other work besides. */
const LONG = 300_000;

let emptyFolder: () => Promise<Reader>;
beforeAll(async () => {
  emptyFolder = await readersRoom(inject("scratch"));
});

/** What the commands of a part printed; undefined if the page shows the same, or nothing. */
async function followed(reader: Reader, part: Part): Promise<readonly (string | undefined)[]> {
  if (part.kind === "file") {
    await reader.write(part.name, part.text, part.append);
    return [];
  }
  const { code, text } = await reader.run(part.script);
  expect([part.script, code, code === 0 ? "" : text]).toEqual([part.script, 0, ""]);
  const { printed } = part;
  return [printed === undefined || difference(printed.text, text) === undefined ? undefined : settled(text)];
}

test("there are tutorials", () => {
  expect(tutorials).toEqual(["characters.md", "forecasting.md", "logs.md", "placements.md"]);
});

describe.each(tutorials)("%s", (name) => {
  const path = `docs/tutorials/${name}`;
  const page = readFileSync(path, "utf8");

  test("shows what its commands print", { timeout: LONG }, async () => {
    const reader = await emptyFolder();
    const texts: (string | undefined)[] = [];
    for (const part of partsOf(page)) texts.push(...(await followed(reader, part)));
    await expect(withPrinted(page, texts)).toMatchFileSnapshot(`../../${path}`);
  });

  test("has no number in its text that is not in a block", () => {
    expect(unfoundedNumbers(page)).toEqual([]);
  });
});
