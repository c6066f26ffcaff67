/** Whatever is wrong with what a user gives: a code, a help line, an exit code that is not 0, and nothing half-written. */
import { spawn } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { readCurve } from "../../cli/report/curve-log.ts";
import { loadCheckpoint } from "../../cli/training/checkpoint.ts";
import { FILE_NAMES, withFolder, writeSyntheticMnist } from "../data/mnist.ts";
import { cellc as cellcProcess, type Ended, repository } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

const CELL = "examples/cells/bnlstm.cell";
const MODEL = "examples/smnist.cell";
const SMALL = ["--task", "digits-rows", "--dims", "H=4", "--batch", "64", "--estimate", "64"];

const trainSmall = (out: string, ...more: readonly string[]) => ["train", MODEL, ...SMALL, "--out", out, ...more];

/** A message with this code that says what to do (or, of shapes, what each one is), and nothing on stdout. */
function expectRefused({ code, stdout, stderr }: Ended, exitCode: number, message: string, words: string): void {
  expect(stderr).toContain(`error[${message}]: `);
  expect(stderr).toContain(words);
  expect(stderr).toMatch(/= help: |- this is /);
  expect(stderr).not.toContain("internal error");
  expect([code, stdout]).toEqual([exitCode, ""]);
}

test("ten mistakes in a cell give ten messages, in order, and exit code 1", async () => {
  const ended = await cellc(["check", "test/cli/samples/ten-mistakes.cell", "--json"]);
  const { ok, diagnostics } = JSON.parse(ended.stdout) as { ok: boolean; diagnostics: { code: string }[] };
  expect([ended.code, ok]).toEqual([1, false]);
  expect(diagnostics.map(({ code }) => code)).toEqual([
    "C0201", // no such initialiser
    "C0202", // declared twice
    "C0201", // no such name
    "C0106", // a bracket that closes nothing
    "C0205", // too many arguments
    "C0201", // no such function
    "C0209", // no such norm
    "C0208", // no such site
    "C0110", // := is no word of the language
    "C0103", // no closing quote
  ]);
  expect(ended.stderr.trimEnd()).toMatch(/\n10 errors$/);
});

test("what is in a text or in a file's name does not reach the terminal as it is", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "a\u001b[31m\u202eb.cell");
    await writeFile(file, "cell c(H = 2) {\n  input x : [H]\n  output x \u009b2J // \u001b]0;t\u0007\n}\n");
    for (const args of [["check"], ["fmt"], ["inspect"], ["compile", "--emit", "ast"]]) {
      for (const json of [[], ["--json"]]) {
        const { code, stdout, stderr } = await cellc([...args, file, ...json]);
        expect(code).toBe(1);
        expect(stderr).toContain("a\\u{1b}[31m\\u{202e}b.cell:3");
        expect(stdout + stderr).not.toMatch(hidden);
        if (json.length > 0) expect(JSON.parse(stdout)).toMatchObject({ ok: false, diagnostics: [{ file }, { file }] });
      }
    }
    const unknown = await cellc(["check", "--no-\u001b[5m"]);
    expect(unknown.stderr).not.toMatch(hidden);
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test("what has no end, or is far too large, is refused and not read", async () => {
  expectRefused(await cellc(["check", "/dev/zero"]), 1, "C0126", "more than 1,048,576 characters");
  await withFolder(async (folder) => {
    const file = join(folder, "large.cell");
    await writeFile(file, "");
    await truncate(file, 2 ** 33);
    for (const command of ["check", "fmt", "inspect"])
      expectRefused(await cellc([command, file]), 1, "C0126", "more than 1,048,576 characters");
  });
});

test("a name that no file can have is refused", async () => {
  for (const args of [
    ["check", "a\u0000b.cell"],
    ["fmt", "a\u0000b.cell"],
    ["compile", CELL, "--out", "a\u0000b"],
  ]) {
    const { code, stderr } = await cellc(args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^error\[C0301\]: .*a NUL stands in it.*\n/)]);
  }
});

test.each([
  ["wrong shapes", 1, "C0204", "W", "cell c(D = 3, H = 4) { param W : [H, D] = 0; input x : [D]; output x @ W }"],
  ["no loss to train by", 1, "C0221", "no loss", "model m(D = 6) { input x : [D] over time; output last(x) }"],
] as const)("a model with %s is refused", (_, exitCode, code, words, text) =>
  withFolder(async (folder) => {
    const file = join(folder, "m.cell");
    await writeFile(file, text.replaceAll("; ", "\n").replace("{ ", "{\n").replace(" }", "\n}"));
    const ended = await cellc(["train", file, "--task", "digits-rows", "--steps", "1", "--out", join(folder, "run")]);
    expectRefused(ended, exitCode, code, words);
    expect(await readdir(folder)).toEqual(["m.cell"]);
  }),
);

test.each([
  ["compile", CELL, "--storage", "f16"],
  ["inspect", CELL, "--storage", "f16", "--target", "wasm"],
  ["tune", MODEL, "--storage", "f16"],
  ["gradcheck", CELL, "--storage", "f16"],
])("%s %s %s %s is refused on a target that stores nothing so", async (...args) => {
  expectRefused(await cellc(args), 1, "C0307", "--target wgsl");
});

test("a storage that is none is refused, and what there is is said", async () => {
  expectRefused(await cellc(["compile", CELL, "--storage", "f8"]), 2, "C0301", "f32, f16");
});

test.each([
  ["a site that is not there", ["--place", "zz=layer"], 1, "C0208", "sites are hh, xh, cc"],
  ["a norm that is not there", ["--place", "hh=bach"], 1, "C0209", "did you mean `batch`?"],
  ["a dimension of zero", ["--dims", "H=0"], 2, "C0302", "give it a positive whole number"],
  ["a dimension that is a word", ["--dims", "H=abc"], 2, "C0301", "want a number for H"],
  ["a dimension that is a fraction", ["--dims", "H=2.5"], 2, "C0302", "`H` cannot be 2.5"],
  ["an unknown dimension", ["--dims", "Q=2"], 2, "C0302", "it has D, H"],
  ["a misspelt dimension", ["--dims", "h=2"], 2, "C0302", "did you mean `H`? it has D, H"],
  ["the batch among the dimensions", ["--dims", "B=64"], 2, "C0302", "write --batch 64"],
  ["the time among the dimensions", ["--dims", "T=28"], 2, "C0302", "write --time 100"],
  ["an unknown entry", ["--entry", "lstm"], 1, "C0303", "no cell or model `lstm`"],
  ["an unknown entry, with what there is", ["--entry", "lstm"], 1, "C0303", "it has bnlstm"],
  ["a norm by another name", ["--place", "hh=layernorm"], 1, "C0209", "did you mean `layer`?"],
] as const)("%s is refused, and nothing is written", (_, options, exitCode, code, words) =>
  withFolder(async (folder) => {
    expectRefused(await cellc(["compile", CELL, "--out", join(folder, "o"), ...options]), exitCode, code, words);
    expect(await readdir(folder)).toEqual([]);
  }),
);

describe("files", () => {
  test("that are missing, or folders, are C0401 in every command that reads them", () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, "d.cell"));
      const missing = join(folder, "none.cell");
      const run = (file: string) => ["train", file, ...SMALL, "--steps", "1", "--out", join(folder, "run")];
      for (const command of ["check", "compile", "inspect", "gradcheck"]) {
        expectRefused(await cellc([command, missing]), 1, "C0401", missing);
      }
      expectRefused(await cellc(run(missing)), 1, "C0401", missing);
      expectRefused(await cellc(run(join(folder, "d.cell"))), 1, "C0401", "it is a folder");
      for (const path of [missing, folder]) {
        expectRefused(await cellc(["eval", MODEL, ...SMALL, "--checkpoint", path]), 1, "C0401", path);
      }
      expect(await readdir(folder)).toEqual(["d.cell"]);
    }));

  test("that cannot be written are C0409: a file stands where the folder should", () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "mine");
      expectRefused(await cellc(["compile", CELL, "--out", file]), 1, "C0409", "a file stands");
      expectRefused(await cellc(trainSmall(file, "--steps", "1")), 1, "C0409", "a file stands");
      expect(await readdir(folder)).toEqual(["file"]);
      expect(await readFile(file, "utf8")).toBe("mine");
    }));

  test("of MNIST that are cut are C0402", () =>
    withFolder(async (folder) => {
      await writeSyntheticMnist(folder);
      await truncate(join(folder, "t10k-images-idx3-ubyte"), 5000);
      const before = (await readdir(folder)).sort();
      const out = join(folder, "run");
      const train = ["train", MODEL, "--task", "mnist-rows", "--steps", "1", "--data", folder, "--out", out];
      expectRefused(await cellc(train), 1, "C0402", "it is cut");
      expect(before).toHaveLength(FILE_NAMES.length);
      expect((await readdir(folder)).sort()).toEqual(before);
    }));
});

test("a batch larger than the data is refused with the largest that is not", () =>
  withFolder(async (folder) => {
    const ended = await cellc(trainSmall(join(folder, "run"), "--batch", "50001", "--steps", "1"));
    expectRefused(ended, 1, "C0406", "--batch 50000 at most");
    expect(await readdir(folder)).toEqual([]);
  }));

test("training with batches of one is warned of at each norm over examples, and refused before it begins", () =>
  withFolder(async (folder) => {
    const tiny = ["--task", "digits-rows", "--dims", "H=4", "--batch", "1", "--estimate", "2", "--steps", "3"];
    const run = (out: string, ...more: readonly string[]) =>
      cellc(["train", MODEL, ...tiny, "--out", join(folder, out), ...more]);
    const batch = await run("a");
    expectRefused(batch, 1, "C0406", "a batch of one example says nothing about `rnn/hh/m`");
    expect(batch.stderr.match(/^warning\[W0603\]/gm)).toHaveLength(3);
    expect(batch.stderr).toContain("--place rnn.hh=layer");
    expect(await readdir(folder)).toEqual([]);
    const layer = await run("b", "--place", "rnn.hh=layer,rnn.xh=layer,rnn.cc=layer");
    expect(layer.code).toBe(0);
    expect(layer.stderr).not.toContain("W0603");
  }));

describe("checkpoints", () => {
  test("of another model are C0403, damaged ones C0404, and neither is touched", () =>
    withFolder(async (folder) => {
      const model = join(folder, "run", "model.safetensors");
      expect((await cellc(trainSmall(join(folder, "run"), "--steps", "2"))).code).toBe(0);
      const evaluate = (path: string, ...more: readonly string[]) =>
        cellc(["eval", MODEL, ...SMALL, "--checkpoint", path, ...more]);

      expectRefused(await evaluate(model, "--dims", "H=5"), 1, "C0403", "`rnn/Wh` is [4, 16], this one's [5, 20]");
      expectRefused(await evaluate(model, "--cell", "rnn=lstm"), 1, "C0403", "rnn/hh");

      const whole = await readFile(model);
      const [cut, mad] = [join(folder, "cut"), join(folder, "mad")];
      await copyFile(model, cut);
      await truncate(cut, whole.length - 100);
      await writeFile(
        mad,
        Uint8Array.from(whole, (byte, i) => (i < 16 ? byte ^ 0x5a : byte)),
      );
      for (const path of [cut, mad]) expectRefused(await evaluate(path), 1, "C0404", "damaged");
      expect((await readFile(model)).equals(whole)).toBe(true);
    }));

  test("are whole whenever a process that saves them is killed", () =>
    withFolder(async (folder) => {
      const path = join(folder, "model.safetensors");
      for (const delay of [0, 3, 6, 9, 12, 15]) {
        const child = spawn(process.execPath, [
          ...["--import", import.meta.resolve("tsx"), join(repository, "test/cli/save-loop.ts"), path],
        ]);
        await new Promise((resolve) => child.stdout.once("data", resolve));
        await after(delay);
        const closed = new Promise((resolve) => child.on("close", resolve));
        child.kill("SIGKILL");
        await closed;
        const { counters, tensors } = await loadCheckpoint(path);
        expect(tensors.get("W")?.data.every((value) => value === counters.step)).toBe(true);
      }
    }));

  test("of a run that was killed can be measured and resumed, and what lay half-written beside them is gone then", () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      const options = ["--steps", "2000", "--evaluate-every", "2"];
      const killed = await cellcProcess(trainSmall(out, ...options), { interruptAt: /step 6:/, signal: "SIGKILL" });
      expect(killed.code).toBeNull();
      await writeFile(join(out, ".model.safetensors.0a1b2c.tmp"), "half");
      const model = join(out, "model.safetensors");
      const measured = await cellc(["eval", MODEL, ...SMALL, "--checkpoint", model, "--json"]);
      const { step } = JSON.parse(measured.stdout) as { step: number };
      expect([measured.code, step % 2]).toEqual([0, 0]);
      expect(step).toBeGreaterThanOrEqual(6);

      const resumed = trainSmall(out, "--steps", String(step + 2), "--evaluate-every", "2", "--resume");
      expect((await cellc(resumed)).code).toBe(0);
      expect((await readdir(out)).sort()).toEqual([
        "best.safetensors",
        "curve.jsonl",
        "curve.svg",
        "model.safetensors",
        "run.json",
      ]);
      const steps = (await readCurve(join(out, "curve.jsonl"))).flatMap((p) => (p.kind === "train" ? [p.step] : []));
      expect(steps).toEqual(Array.from({ length: step + 2 }, (_, i) => i + 1));
    }));
});

test("a loss that is no number ends with C0502 and 4; curve and last good checkpoint are kept, nothing is half-written", () =>
  withFolder(async (folder) => {
    const out = join(folder, "run");
    expect((await cellc(trainSmall(out, "--steps", "4", "--evaluate-every", "2"))).code).toBe(0);
    const model = await readFile(join(out, "model.safetensors"));
    const ended = await cellc(trainSmall(out, "--steps", "9", "--lr", "1e30", "--resume"));
    expect([ended.code, ended.stderr]).toEqual([4, expect.stringContaining("the last good checkpoint")]);
    expect((await readdir(out)).sort()).toEqual([
      "best.safetensors",
      "curve.jsonl",
      "curve.svg",
      "model.safetensors",
      "run.json",
    ]);
    expect((await readFile(join(out, "model.safetensors"))).equals(model)).toBe(true);
    const points = await readCurve(join(out, "curve.jsonl"));
    expect(points.filter(({ kind }) => kind === "train").length).toBeGreaterThanOrEqual(5);

    const fresh = await cellc(trainSmall(join(folder, "fresh"), "--steps", "9", "--lr", "1e30"));
    expectRefused(fresh, 4, "C0502", "no checkpoint before");
  }));
