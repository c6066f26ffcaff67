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

describe("a reader", () => {
  test("sees both streams in their order, and stays in a folder", async () => {
    const reader = await emptyFolder();
    expect(await reader.run("mkdir a\ncd a\necho 1\necho 2 >&2\necho 3")).toEqual({ code: 0, text: "1\n2\n3\n" });
    await reader.write("b.mjs", 'console.log("b");\n', false);
    await reader.write("b.mjs", 'console.log("c");\n', true);
    expect((await reader.run("cat b.mjs; node b.mjs; ls ../a")).text).toContain("b\nc\nb.mjs\n");
    expect((await (await emptyFolder()).run("ls -d a")).code).not.toBe(0);
  });

  test.each([
    ["false\necho on", 1, ""],
    ["npx cellc eval nowhere\necho on", 1, "error[C0401]"],
    ["npx other", 127, "npx other?"],
    ["node none.mjs", 1, "none.mjs"],
  ])("gets no further than a command that fails: %j", async (script, code, words) => {
    const printed = await (await emptyFolder()).run(script);
    expect(printed).toEqual({ code, text: expect.stringContaining(words) });
    expect(printed.text).not.toContain("on\n");
  });

  test("of a tutorial ends the test there", async () => {
    const reader = await emptyFolder();
    const [failing] = partsOf("```sh\nfalse\n```\n");
    await expect(followed(reader, failing)).rejects.toThrow("false");
    const [other] = partsOf("```sh\necho 27 rows\n```\n\n```text\n28 rows\n```\n");
    expect(await followed(reader, other)).toEqual(["27 rows\n"]);
  });
});

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
