import { describe, expect, test } from "vitest";
import { partsOf, unfoundedNumbers, withPrinted } from "./tutorial.ts";

const page = `# A page

    npx cellc never-run

\`\`\`js
// a.mjs
console.log(1);
\`\`\`

\`\`\`sh
node a.mjs
\`\`\`

\`\`\`text
1
\`\`\`

Between.

\`\`\`sh
node a.mjs > out
\`\`\`

\`\`\`cell
// b.cell, at the end
cell b(D) {
}
\`\`\`

\`\`\`sh
cat b.cell
\`\`\`
\`\`\`text
cell
\`\`\`
`;

describe("the parts of a page", () => {
  test("are its files, its commands, and what these print", () => {
    expect(partsOf(page)).toMatchObject([
      { kind: "file", line: 5, name: "a.mjs", append: false, text: "console.log(1);\n" },
      { kind: "commands", line: 10, script: "node a.mjs\n", printed: { text: "1\n" } },
      { kind: "commands", line: 20, script: "node a.mjs > out\n", printed: undefined },
      { kind: "file", line: 24, name: "b.cell", append: true, text: "cell b(D) {\n}\n" },
      { kind: "commands", line: 30, script: "cat b.cell\n", printed: { text: "cell\n" } },
    ]);
  });

  test.each([
    ["an output without a command", "```text\n1\n```\n", "line 1: a block of `text` follows no command"],
    ["an output behind other words", "```sh\nls\n```\n\nSee:\n\n```text\n1\n```\n", "line 7: a block of `text`"],
    ["another language", "\n```json\n{}\n```\n", "line 2: a block of `json` follows no command"],
    ["a file without a name", "```js\nconsole.log(1)\n```\n", "line 1: the block does not begin with the name"],
    ["a name that leads elsewhere", "```js\n// ../a.mjs\n```\n", "line 1: the block does not begin with the name"],
    [
      "a command that could fail unseen",
      "\n```sh\nls | wc\nnpx cellc data a.csv | head\n```\n",
      "line 2: a cellc before a pipe",
    ],
    ["a block that is not closed", "```sh\nls\n", "never closed"],
  ])("cannot be %s", (_, text, words) => {
    expect(() => partsOf(text)).toThrow(words);
  });

  test("get what was printed where it is another text, and nothing else changes", () => {
    const printed = withPrinted(page, ["2\n3\n", undefined, "cells\n"]);
    expect(printed).toBe(
      page.replace("```text\n1\n", "```text\n2\n3\n").replace("```text\ncell\n", "```text\ncells\n"),
    );
    expect(withPrinted(page, [undefined, undefined, undefined])).toBe(page);
  });
});

describe("a number of the running text", () => {
  const block = "```sh\nrun --steps 60 --lr 1e-2\n```\n\n```text\nloss 0.2573 of 1,200, −3.5 %\n```\n";

  test.each([
    "After 60 steps the loss is 0.2573, or 0.26, of 1200.",
    "It fell by 3.5 %, about 4.",
    "By Cooijmans et al. (2017), and others (Du et al. 2017), see [there](a12.md#h-7).",
    "`--lr 1e-2` is 0.01.",
    "UTF-8 and W0604, W3C and v2 are names.",
    "    npx cellc never-run --steps 999",
  ])("stands in a block: %s", (text) => {
    expect(unfoundedNumbers(`${block}\n${text}\n`)).toEqual([]);
  });

  test.each([
    ["After 61 steps.", "61"],
    ["The loss is 0.25.", "0.25"],
    ["It is 0.2574.", "0.2574"],
    ["The loss of `0.4` is large.", "0.4"],
    ["In 2017 there were none.", "2017"],
  ])("or is found: %s", (text, number) => {
    expect(unfoundedNumbers(`${block}\n${text}\n`)).toEqual([`line 9: ${number}`]);
  });
});
