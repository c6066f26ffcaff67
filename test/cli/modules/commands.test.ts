/** `compile --target ts` and `types`. */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { cellc as cellcProcess } from "../run-cellc.ts";
import { cellc } from "../run-here.ts";

const cell = `cell tiny(H = 4) {
  param W : [H, H] = orthogonal
  input x : [H]
  state h : [H] = 0
  h' = tanh(h @ W + x)
  output h'
}
`;

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(inject("scratch"), "modules-"));
  file = join(folder, "tiny.cell");
  await writeFile(file, cell);
});

const text = (name: string): Promise<string> => readFile(join(folder, name), "utf8");

describe("compile --target ts", () => {
  test("writes a module that says how to make it again, in the folder of the cell", async () => {
    const out = join(folder, "src", "tiny.ts");
    const made = await cellc([
      "compile",
      file,
      "--target",
      "ts",
      "--out",
      out,
      "--dims",
      "H=6",
      "--entries",
      "infer",
      "--batch",
      "2",
    ]);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const [, line] = (await text("src/tiny.ts")).split("\n");
    expect(line).toBe(
      "// To make it again, in the folder of tiny.cell: npx cellc compile tiny.cell --target ts --kernels wasm --dims H=6 --batch 2 --entries infer --out src/tiny.ts",
    );
    expect(await text("src/tiny.ts")).toContain("readonly H: 6;");
  });

  test("writes into a folder under the name of the cell, or JavaScript with declarations", async () => {
    await cellc(["compile", file, "--target", "ts", "--out", folder]);
    await cellc(["compile", file, "--target", "ts", "--out", join(folder, "script.js")]);
    expect(await text("tiny.ts")).toContain("export interface Parameters {");
    expect((await text("script.js")).includes("export interface")).toBe(false);
    expect(await text("script.d.ts")).toContain("export declare const tiny: TrainingModule<");
    const refused = await cellc(["compile", file, "--target", "ts", "--out", join(folder, "a.mts")]);
    expect([refused.code, refused.stderr.includes("C0301")]).toEqual([2, true]);
  });

  test("--verify fails when the cell, the options or the file have changed, and writes nothing", async () => {
    const out = join(folder, "tiny.ts");
    const verify = (...more: readonly string[]) =>
      cellc(["compile", file, "--target", "ts", "--out", out, "--verify", ...more]);
    const missing = await verify();
    expect([missing.code, existsSync(out)]).toEqual([1, false]);
    await cellc(["compile", file, "--target", "ts", "--out", out]);
    expect((await verify()).code).toBe(0);
    const other = await verify("--batch", "3");
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("error[C0412]");
    expect(other.stderr).toContain("npx cellc compile tiny.cell --target ts --kernels wasm --batch 3 --out tiny.ts");
    await writeFile(file, cell.replace("tanh", "sigmoid"));
    expect((await verify()).code).toBe(1);
    expect(await text("tiny.ts")).not.toContain("sigmoid");
  });

  test("does not touch a file that is up to date", async () => {
    const out = join(folder, "tiny.ts");
    await cellc(["compile", file, "--target", "ts", "--out", out]);
    const before = await stat(out);
    await cellc(["compile", file, "--target", "ts", "--out", out]);
    expect((await stat(out)).mtimeMs).toBe(before.mtimeMs);
  });

  test("refuses kernels that there are not, and stages, which a module has not", async () => {
    for (const args of [
      ["--kernels", "metal"],
      ["--kernels", "wasm,wasm"],
      ["--emit", "kernels"],
    ]) {
      const { code } = await cellc(["compile", file, "--target", "ts", "--out", folder, ...args]);
      expect(code).toBe(2);
    }
    expect((await cellc(["compile", file, "--verify", "--out", folder])).code).toBe(2);
  });

  test("is the same in another folder", async () => {
    const other = join(folder, "other");
    await mkdir(other);
    await cp(file, join(other, "tiny.cell"));
    await cellc(["compile", file, "--target", "ts", "--out", join(folder, "tiny.ts")]);
    await cellc(["compile", join(other, "tiny.cell"), "--target", "ts", "--out", join(other, "tiny.ts")]);
    expect((await text("other/tiny.ts")) === (await text("tiny.ts"))).toBe(true);
  });
});

describe("types", () => {
  test("writes declarations and their map beside the cell, and verifies them", async () => {
    expect((await cellc(["types", file])).code).toBe(0);
    expect(await text("tiny.d.cell.ts")).toContain("//# sourceMappingURL=tiny.d.cell.ts.map\n");
    expect(JSON.parse(await text("tiny.d.cell.ts.map"))).toMatchObject({ version: 3, sources: ["tiny.cell"] });
    expect((await cellc(["types", file, "--verify"])).code).toBe(0);
    expect((await cellc(["types", file, "--verify", "--batch", "2"])).stderr).toContain(
      "npx cellc types tiny.cell --kernels wasm --batch 2",
    );
  });

  test("refuses files of another name, and reports mistakes", async () => {
    expect((await cellc(["types", join(folder, "tiny.txt")])).code).toBe(2);
    await writeFile(file, cell.replace("orthogonal", "orthogonl"));
    const { code, stderr } = await cellc(["types", file]);
    expect([code, stderr.includes("did you mean `orthogonal`")]).toEqual([1, true]);
    expect(existsSync(join(folder, "tiny.d.cell.ts"))).toBe(false);
  });

  test("--watch follows the cell and what it imports, reports mistakes, and ends with Ctrl-C", async () => {
    await writeFile(join(folder, "base.cell"), cell);
    await writeFile(file, 'import { tiny } from "./base.cell"\ncell wider = tiny with {}\n');
    const running = cellcProcess(["types", file, "--watch"], { interruptAt: /error\[C/ });
    const until = async (name: string, wanted: string): Promise<void> => {
      while (!existsSync(join(folder, name)) || !(await text(name)).includes(wanted))
        await new Promise((done) => setTimeout(done, 50));
    };
    await until("tiny.d.cell.ts", "readonly H: 4;");
    // Whoever watches begins after the first time.
    await new Promise((done) => setTimeout(done, 500));
    await writeFile(join(folder, "base.cell"), cell.replace("H = 4", "H = 5"));
    await until("tiny.d.cell.ts", "readonly H: 5;");
    await writeFile(join(folder, "base.cell"), cell.replace("tanh", "tahn"));
    const { code, stdout, stderr } = await running;
    expect(code).toBe(0);
    expect(stdout.match(/tiny\.d\.cell\.ts(?!\.map)/g)).toHaveLength(2);
    expect(stderr).toContain("did you mean `tanh`");
  }, 60_000);
});
