/** A checkpoint of one model, read into another whose parameters have the same names and shapes. */
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withFolder } from "../data/mnist.ts";
import type { Ended } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

const SMALL = ["--task", "digits-rows", "--dims", "H=8", "--batch", "64", "--estimate", "64"];

const errorOf = ({ code, stderr }: Ended): readonly unknown[] => [code, /error.*/.exec(stderr)?.[0]];

test("is refused by every command that reads it, with what differs, and accepted by those with the option", () =>
  withFolder(async (folder) => {
    const [cell, run] = [join(folder, "net.cell"), join(folder, "run")];
    const model = join(run, "model.safetensors");
    const text = await readFile("examples/cells/lstm.cell", "utf8");
    const write = (edit: (text: string) => string): Promise<void> => writeFile(cell, edit(text));
    const swapped = (of: string): string => of.replace("f, i, o, g = split", "i, f, o, g = split");
    const placed = (norm: string): readonly string[] => ["--place", `hh=${norm},xh=batch`];
    const train = (norm: string, ...more: readonly string[]) =>
      cellc(["train", cell, ...SMALL, ...placed(norm), "--out", run, ...more]);
    const measure = (norm: string, ...more: readonly string[]) =>
      cellc(["eval", cell, ...SMALL, ...placed(norm), "--checkpoint", model, ...more]);
    const bytes = async (): Promise<readonly string[]> =>
      Promise.all((await readdir(run)).sort().map((name) => readFile(join(run, name), "latin1")));

    await write((t) => t);
    expect((await train("group(4)", "--steps", "2")).code).toBe(0);
    const before = await bytes();
    await cp(run, join(folder, "kept"), { recursive: true });

    const norms = "`lstm.hh` has group(k = 4, gamma = 1, beta = 0, eps = 1e-5) in it, group(k = 2,";
    expect(errorOf(await measure("group(2)"))).toEqual([1, expect.stringContaining(norms)]);
    await write(
      (t) => `// As it was.\n${t.replaceAll("tanh(g)", "tanh( candidate )").replaceAll("o, g =", "o, candidate =")}`,
    );
    expect((await measure("group( k=4 )")).code).toBe(0);

    await write(swapped);
    const refusals = [
      await measure("group(4)"),
      await train("group(4)", "--steps", "3", "--resume"),
      await cellc(["stats", run]),
      await cellc(["stats", run, "--estimate", "--batches", "1"]),
      await cellc(["stats", run, "--drift", "--batches", "1"]),
    ];
    for (const refusal of refusals)
      expect(errorOf(refusal)).toEqual([
        1,
        expect.stringMatching(/^error\[C0403\]: .*the equation of state `c` differs$/),
      ]);
    expect(await bytes()).toEqual(before);

    const allowed = [
      await measure("group(4)", "--allow-other-equations"),
      await cellc(["stats", model, "--drift", "--batches", "1", "--allow-other-equations"]),
      await train("group(4)", "--steps", "3", "--resume", "--allow-other-equations"),
    ];
    for (const taken of allowed) {
      expect(taken.stderr).toContain(`warning[W0611]: ${model} is taken as it is: the equation of state \`c\` differs`);
      expect(taken.code).toBe(0);
    }
    // From there on it is a checkpoint of the new equations.
    const measured = await measure("group(4)");
    expect(measured.stderr).not.toContain("W0611");
    expect(measured.code).toBe(0);

    const misplaced = await cellc(["train", cell, ...SMALL, "--out", join(folder, "b"), "--allow-other-equations"]);
    expect(errorOf(misplaced)).toEqual([2, expect.stringContaining("error[C0301]: --allow-other-equations")]);
  }));
