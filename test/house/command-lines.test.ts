import type { Command } from "commander";
import { expect, test } from "vitest";
import { benchProgram } from "../../bench/options.ts";
import { buildProgram } from "../../cli/program.ts";
import { catalogue } from "../../compiler/diagnostics/catalogue.ts";
import { fuzzProgram } from "../fuzz/options.ts";
import { readTree, treeFiles } from "./tree.ts";

const documents = treeFiles(".md").map((file) => [file, readTree(file)] as const);
const texts = [
  ...documents,
  ...Object.entries(catalogue).map(([code, { example, fix }]) => [code, `${example}\n\n${fix}`] as const),
];

/**
 * `cellc …` on a line of its own or between backticks, without comments and what a shell does with the output; `SHAPES` and `[options]` are
 * no command lines.
 */
const lines = texts.flatMap(([where, text]) =>
  [...text.matchAll(/(?:^ {0,4}|`)(?:npx )?cellc ([^`\n]+)/gm)]
    .map((match) => match[1].replace(/ {2,}\/\/.*| [|>] .*/, "").trim())
    .filter((line) => !/^\[|…/.test(line))
    .map((line) => [where, line] as const),
);

/** Words as a shell reads them, where quotes are the only special characters. */
const words = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]);

/** What the command line says to `line`; nothing when it is accepted. No command is run. A command's name alone is a mention. */
async function objection(line: string): Promise<string> {
  const said: string[] = [];
  let accepted = false;
  const program = buildProgram(async () => {
    accepted = true;
  });
  const quiet = (command: Command): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: (text) => said.push(text) });
    command.commands.forEach(quiet);
  };
  quiet(program);
  if (program.commands.some((command) => command.name() === line)) return "";
  await program.parseAsync([...words(line)], { from: "user" }).catch(() => {});
  return accepted || line.startsWith("help ") ? said.join("") : said.join("") || "is no command";
}

test("the documents show command lines", () => {
  expect(lines.length).toBeGreaterThan(25);
});

test.each(lines)("the command line accepts what %s shows: cellc %s", async (_, line) => {
  expect(await objection(line)).toBe("");
});

test("the command line objects to what it does not have", async () => {
  expect(await objection("compile a.cell --taget wgsl")).toContain("unknown option");
  expect(await objection("run a.cell")).toContain("unknown command");
});

test("every option that a text names exists, of cellc, of the bench or of the fuzzers, and the command-line page names every one of cellc", () => {
  const known = new Set<string>();
  const visit = (command: Command): void => {
    for (const { long } of command.options) if (long) known.add(long);
    command.commands.forEach(visit);
  };
  visit(buildProgram(async () => {}));
  const cellc = [...known];
  // Of PyTorch's launcher, and of the script that it launches.
  for (const option of ["--standalone", "--nproc", "--rdzv", "--sync"]) known.add(option);
  visit(benchProgram(async () => {}));
  visit(fuzzProgram(async () => {}));
  const named = texts.flatMap(([where, text]) =>
    [...text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map((match) => [where, match[0]] as const),
  );
  expect(named.filter(([, option]) => !known.has(option))).toEqual([]);
  const page = readTree("docs/cli.md");
  expect(cellc.filter((option) => option !== "--version" && !page.includes(option))).toEqual([]);
});

test("the command-line page has a section for every command", () => {
  const headings = [...readTree("docs/cli.md").matchAll(/^## (.*)$/gm)].flatMap((match) => match[1].split(", "));
  expect(
    buildProgram(async () => {})
      .commands.map((c) => c.name())
      .filter((name) => !headings.includes(name)),
  ).toEqual([]);
});
