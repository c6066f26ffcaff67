import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-cellc.ts";

const CELL = "cell plain(D,H){\nparam Wx:[D,H]=orthogonal\ninput x:[D]\nstate h:[H]=0\nh'=tanh(x@Wx+h)\noutput h'\n}\n";

describe("the command line", () => {
  test("prints help and the version on stdout with exit code 0", async () => {
    const help = await cellc(["--help"]);
    expect([help.code, help.stderr]).toEqual([0, ""]);
    for (const name of [
      "check",
      "fmt",
      "compile",
      "inspect",
      "train",
      "eval",
      "gradcheck",
      "explain",
      "data",
      "demo",
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    }
    expect(help.stdout).toContain("130 interrupted");
    expect((await cellc(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    ["no command of that name", ["trian"], "Did you mean train?"],
    ["no option of that name", ["data", "--splot", "x"], "Did you mean --split?"],
    ["a value that is no choice", ["data", "digits", "--split", "x"], "want train, validation, test"],
    ["a value that is no number", ["data", "digits", "--from", "x"], "want a whole number"],
    ["a missing option", ["train", "m.cell", "--out", "o"], "--task"],
    ["a pair that is none", ["inspect", "m.cell", "--cell", "rnn"], "want name=value"],
    ["a placement that is none", ["inspect", "examples/cells/lstm.cell", "--place", "hh"], "write site=norm"],
    [
      "a dimension the cell lacks",
      ["inspect", "examples/cells/lstm.cell", "--dims", "Q=3"],
      "has no dimension or number `Q`",
    ],
    ["a dimension that is none", ["inspect", "m.cell", "--dims", "H=big"], "want a number for H"],
    ["options that exclude each other", ["fmt", "a.cell", "--check", "--write"], "cannot be used with"],
    ["no task of that name", ["data", "nope"], "the tasks are mnist-rows"],
  ])("with %s ends with 2, its words on stderr alone", async (_, args, words) => {
    const ended = await cellc(args);
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toContain(words);
  });

  test.each([
    ["a usage error", ["data", "digits", "--from", "x", "--json"], 2],
    ["an unknown task", ["--json", "data", "nope"], 2],
    ["missing data", ["data", "mnist-rows", "--offline", "--json"], 3],
    ["a missing file", ["fmt", "none.cell", "--json"], 1],
  ])("with --json prints one document for %s too", async (_, args, code) => {
    const ended = await cellc(args);
    expect(ended.code).toBe(code);
    const document = JSON.parse(ended.stdout) as { ok: boolean; error: { code: string; message: string } };
    expect(document.ok).toBe(false);
    expect(document.error.message).not.toBe("");
    expect(ended.stderr).not.toBe("");
  });

  test("writes no colours into a pipe, and does when forced to", async () => {
    const plain = await cellc(["data", "nope"]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with it.
    const colour = /\u001b\[/;
    expect(plain.stderr).not.toMatch(colour);
    expect((await cellc(["data", "nope"], { environment: { FORCE_COLOR: "1" } })).stderr).toMatch(colour);
    expect((await cellc(["data", "nope", "--no-color"], { environment: { FORCE_COLOR: "1" } })).stderr).not.toMatch(
      colour,
    );
  });
});

describe("cellc data", () => {
  test("lists the tasks", async () => {
    const { code, stdout } = await cellc(["data"]);
    const made = [
      "mnist-rows",
      "mnist-pixels",
      "mnist-permuted",
      "mnist-permuted-released",
      "digits",
      "digits-rows",
      "adding",
      "cloze",
      "babi",
    ];
    const babi = [1, 2, 3, 4, 5, 11, 12, 13, 14, 16].map((number) => `babi-${number}`);
    expect([code, stdout]).toEqual([0, [...made, ...babi, "cnn", ""].join("\n")]);
  });

  test("shows the same examples every time, whatever the seed", async () => {
    const [first, second] = await Promise.all([cellc(["data", "digits"]), cellc(["data", "digits", "--seed", "9"])]);
    expect(first).toEqual(second);
    expect(first.stdout).toMatch(/train 0: y = \d/);
  });

  test("gives the examples as JSON", async () => {
    const { stdout } = await cellc(["data", "adding", "--time", "5", "--count", "2", "--json"]);
    const document = JSON.parse(stdout) as { steps: number; examples: { inputs: { x: number[]; y: number[] } }[] };
    expect(document.steps).toBe(5);
    expect(document.examples.map(({ inputs }) => [inputs.x.length, inputs.y.length])).toEqual([
      [10, 1],
      [10, 1],
    ]);
  });

  test("draws them into a file, and leaves nothing half written", () =>
    withFolder(async (folder) => {
      const ended = await cellc(["data", "digits", "--svg", join(folder, "d/digits.svg")]);
      expect(ended.code).toBe(0);
      expect(await readdir(join(folder, "d"))).toEqual(["digits.svg"]);
      expect(await readFile(join(folder, "d/digits.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
      expect((await cellc(["data", "adding", "--svg", join(folder, "a.svg")])).code).toBe(2);
      expect(await readdir(folder)).toEqual(["d"]);
    }));

  test("says where it looked for MNIST", () =>
    withFolder(async (folder) => {
      const environment = { CELLC_DATA: join(folder, "there"), XDG_CACHE_HOME: join(folder, "cache") };
      const looked = async (...more: readonly string[]) => {
        const { code, stdout, stderr } = await cellc(["data", "mnist-pixels", "--offline", ...more], { environment });
        expect([code, stdout]).toEqual([3, ""]);
        return [...stderr.matchAll(/^ {2}(.*): (?:none|lacks)/gm)].map(([, place]) => relative(folder, place));
      };
      expect(await looked()).toEqual(["there", "there/mnist", "cache/cellc/mnist"]);
      expect(await looked("--data", join(folder, "here"))).toEqual(["here", "here/mnist"]);
    }));
});

describe("cellc explain", () => {
  test("prints an entry of the catalogue, the list of all, or what may have been meant", async () => {
    const [one, all, none] = await Promise.all([
      cellc(["explain", "c0502"]),
      cellc(["explain"]),
      cellc(["explain", "C0599"]),
    ]);
    expect([one.code, all.code, none.code]).toEqual([0, 0, 2]);
    expect(one.stdout).toMatch(/^C0502: loss is not finite\n/);
    expect(all.stdout).toMatch(/^C0502 {2}loss is not finite$/m);
    expect([none.stdout, none.stderr]).toEqual(["", expect.stringContaining("There is no message C0599")]);
  });
});

describe("cellc fmt", () => {
  test("prints, checks and writes, and writing makes checking content", () =>
    withFolder(async (folder) => {
      const file = join(folder, "a.cell");
      await writeFile(file, CELL);
      const printed = await cellc(["fmt", file]);
      expect(printed.code).toBe(0);
      expect(printed.stdout).not.toBe(CELL);
      expect((await cellc(["fmt", "-"], { input: CELL })).stdout).toBe(printed.stdout);

      const checked = await cellc(["fmt", "--check", file]);
      expect([checked.code, checked.stdout]).toEqual([1, `${file} is not formatted\n`]);
      expect(await readFile(file, "utf8")).toBe(CELL);

      expect((await cellc(["fmt", "--write", file])).stdout).toBe(`${file}\n`);
      expect(await readFile(file, "utf8")).toBe(printed.stdout);
      expect((await cellc(["fmt", "--check", file])).code).toBe(0);
      expect(await readdir(folder)).toEqual(["a.cell"]);
    }));

  test("leaves a text with errors as it is and says them, with the good files still done", () =>
    withFolder(async (folder) => {
      const [good, bad] = [join(folder, "good.cell"), join(folder, "bad.cell")];
      await writeFile(good, CELL);
      await writeFile(bad, "cell (\n");
      const ended = await cellc(["fmt", "--write", bad, good, "--json"]);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/error\[C01\d\d\]/);
      const document = JSON.parse(ended.stdout) as {
        ok: boolean;
        files: { changed: boolean }[];
        diagnostics: { file: string }[];
      };
      expect(document.ok).toBe(false);
      expect(document.files.map(({ changed }) => changed)).toEqual([false, true]);
      expect(document.diagnostics[0].file).toBe(bad);
      expect(await readFile(bad, "utf8")).toBe("cell (\n");
    }));

  test("of a folder or a missing file is C0401, of standard input with --write a usage error", () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, "d.cell"));
      for (const path of [join(folder, "d.cell"), join(folder, "none.cell")]) {
        const ended = await cellc(["fmt", path]);
        expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("C0401")]);
      }
      expect((await cellc(["fmt", "--write", "-"], { input: CELL })).code).toBe(2);
    }));
});

describe("cellc compile --emit ast", () => {
  test("prints the tree", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "a.cell"), CELL);
      const { code, stdout } = await cellc(["compile", join(folder, "a.cell"), "--emit", "ast"]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        kind: "file",
        declarations: [{ kind: "cell", name: { text: "plain" } }],
      });
    }));
});
