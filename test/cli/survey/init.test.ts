/** `cellc init`: what it writes is trained and measured as its own page says. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildProgram } from "../../../cli/program.ts";
import { projectKinds } from "../../../cli/start/project-kinds.ts";
import { withFolder } from "../../data/mnist.ts";
import { cellc as cellcProcess } from "../run-cellc.ts";
import { cellc } from "../run-here.ts";

interface Written {
  readonly files: readonly string[];
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

async function written(kind: string, folder: string, ...more: readonly string[]): Promise<Written> {
  const { code, stdout, stderr } = await cellc(["init", kind, "--out", folder, ...more, "--json"]);
  expect([code, stderr]).toEqual([0, expect.anything()]);
  return JSON.parse(stdout) as Written;
}

/** A command of a project, as somebody in its folder would run it. */
const inFolder = (folder: string, [, ...words]: readonly string[]): readonly string[] =>
  words.map((word) => (/\.(?:cell|json|csv)$|^runs\//.test(word) ? join(folder, word) : word));

/** Trains three steps and measures. */
async function works(folder: string, { commands }: Written): Promise<void> {
  const short = inFolder(folder, commands.train).map((word) => (word === "600" ? "3" : word));
  for (const words of [short, inFolder(folder, commands.eval), inFolder(folder, commands.data)]) {
    const ended = await cellc(words);
    expect([words[0], ended.code, ended.code === 0 ? "" : ended.stderr]).toEqual([words[0], 0, ""]);
  }
}

describe("without data", () => {
  test.each(projectKinds)("%s has a small file, and works", (kind) =>
    withFolder(async (folder) => {
      const place = join(folder, "new", kind);
      const project = await written(kind, place);
      expect((await readdir(place)).toSorted()).toEqual(project.files.toSorted());
      expect((await cellc(["fmt", "--check", join(place, `${kind}.cell`)])).code).toBe(0);
      await works(place, project);
    }),
  );

  test("what the page of a project says is what the command line takes", () =>
    withFolder(async (folder) => {
      const seen = new Set<string>();
      for (const kind of projectKinds) {
        const place = join(folder, kind);
        await written(kind, place);
        const page = await readFile(join(place, "README.md"), "utf8");
        for (const [, line] of page.matchAll(/^ {4}npx cellc (.*)$/gm)) {
          const program = buildProgram(async () => {});
          const words = line.split(" ");
          if (!program.commands.some((command) => command.name() === words[0])) continue;
          await program.parseAsync(words, { from: "user" });
          seen.add(words[0]);
        }
      }
      expect([...seen]).toEqual(expect.arrayContaining(["data", "train", "eval", "explore"]));
    }));
});

test("what was understood of a project's data is said once, before its examples", () =>
  withFolder(async (folder) => {
    await written("forecast", folder);
    const { stdout, stderr } = await cellc(["data", join(folder, "forecast.task.json"), "--count", "1"]);
    expect([stderr.match(/600 steps/g)?.length, stdout]).toEqual([1, expect.stringMatching(/^28 steps; train 446,/)]);
  }));

test("the page of a project of logs says how to find what is unusual", () =>
  withFolder(async (folder) => {
    await written("logs", folder);
    const page = await readFile(join(folder, "README.md"), "utf8");
    expect(page).toContain("npx cellc predict runs/first --split test --out predictions.csv");
    expect(page).toContain("`p_true`");
  }));

describe("with data", () => {
  const table = `when,load,heat\n${Array.from(
    { length: 300 },
    (_, t) =>
      `2020-01-${String(1 + Math.floor(t / 24)).padStart(2, "0")} ${t % 24}:00,${Math.sin(t / 4)},${Math.cos(t / 7)}`,
  ).join("\n")}\n`;

  test("the sizes and the task are those of the file, which stays where it is", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "the load.csv"), table);
      const place = join(folder, "project");
      const project = await written("forecast", place, "--data", join(folder, "the load.csv"), "--horizon", "3");
      expect(await readFile(join(place, "the-load.cell"), "utf8")).toContain("model forecast(D = 2, H = 32, N = 3, ");
      expect(JSON.parse(await readFile(join(place, "the-load.task.json"), "utf8"))).toMatchObject({
        ...{ version: 1, data: "../the load.csv", target: ["load"], horizon: 3 },
      });
      await works(place, project);
    }));

  test("several targets, classes of steps, and numbers of sequences have models, too", () =>
    withFolder(async (folder) => {
      const path = join(folder, "a.csv");
      await writeFile(path, table);
      const many = await written("forecast", join(folder, "many"), "--data", path, "--target", "load,heat");
      expect(many.model).toBe("forecast_many");
      await works(join(folder, "many"), many);
      await writeFile(
        path,
        table.replaceAll(/,(-?)[\d.e-]+$/gm, (_, sign: string) => `,${sign === "-" ? "cold" : "warm"}`),
      );
      const tags = await written("classify", join(folder, "tags"), "--data", path, "--label", "heat");
      expect(tags.model).toBe("tag");
      await works(join(folder, "tags"), tags);
      const lines = Array.from({ length: 80 }, (_, i) => JSON.stringify({ x: [i, 2 * i, 1], y: i / 3 }));
      await writeFile(join(folder, "b.jsonl"), lines.join("\n"));
      const numbers = await written("forecast", join(folder, "numbers"), "--data", join(folder, "b.jsonl"));
      expect(numbers.model).toBe("estimate");
      await works(join(folder, "numbers"), numbers);
    }));

  test("of another kind, the kind that fits is named, and nothing is written", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "a.txt"), "to be or not to be ".repeat(80));
      const ended = await cellc(["init", "forecast", "--data", join(folder, "a.txt"), "--out", join(folder, "new")]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("cellc init language")]);
      expect(await readdir(folder)).toEqual(["a.txt"]);
    }));

  test("whose times go back, where they do is said", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "a.csv"), `${table}2020-01-02 3:00,1,1\n`);
      const ended = await cellc(["init", "forecast", "--data", join(folder, "a.csv"), "--out", join(folder, "new")]);
      expect([ended.code, ended.stderr]).toEqual([
        1,
        expect.stringContaining("from 2020-01-13 11:00 to 2020-01-02 3:00"),
      ]);
    }));

  test("of events that a log did not have before, has a place for them", () =>
    withFolder(async (folder) => {
      await writeFile(
        join(folder, "keys"),
        Array.from({ length: 90 }, (_, i) => `5 5 22 ${i % 2 === 0 ? "9 11" : "11 9 9"}\n`).join(""),
      );
      const project = await written("logs", join(folder, "project"), "--data", join(folder, "keys"));
      expect(project.options).toEqual({ unit: "words", lines: true, unknown: true, lineEnd: "<end>" });
      await works(join(folder, "project"), project);
      const own = ["--data", join(folder, "keys"), "--line-end", "."];
      expect((await written("logs", join(folder, "dots"), ...own)).options).toMatchObject({ lineEnd: "." });
    }));

  test("that is wrong, the reader says where", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "a.csv"), "a,b\n1,2\n3\n");
      const ended = await cellc(["init", "forecast", "--data", join(folder, "a.csv"), "--out", join(folder, "new")]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("a.csv:3: ")]);
    }));
});

test("of data without an ending in its name, the folder is another one than the file", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "keys"), Array.from({ length: 40 }, () => "5 22 9 11\n").join(""));
    const { code, stdout } = await cellcProcess(["init", "logs", "--data", "keys"], { cwd: folder });
    expect([code, stdout]).toEqual([0, expect.stringContaining("keys-project holds keys.cell")]);
  }));

test("nothing is overwritten", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "README.md"), "mine");
    const ended = await cellc(["init", "logs", "--out", folder]);
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining("README.md is there already")]);
    expect(await readdir(folder)).toEqual(["README.md"]);
    expect(await readFile(join(folder, "README.md"), "utf8")).toBe("mine");
  }));
