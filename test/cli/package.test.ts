/** What a user installs: the tree built as on a fresh clone, packed, unpacked somewhere else. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { treeFiles } from "../house/tree.ts";
import { repository } from "./run-cellc.ts";

const run = promisify(execFile);

/** What `npm run build` and `npm pack` read. */
const WANTED =
  /^(?:(?:cli|compiler|docs|examples|runtime|targets|test\/house)\/|client\.d\.ts$|package\.json$|tsconfig|README|LICENSE)/;

interface Packed {
  readonly filename: string;
  /** Bytes of the tarball. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let packed: Packed;
/** The package as it is unpacked, without its dependencies. */
let unpacked: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cellc-package-"));
  const clone = join(folder, "clone");
  for (const file of treeFiles().filter((path) => WANTED.test(path)))
    await cp(join(repository, file), join(clone, file));
  await symlink(join(repository, "node_modules"), join(clone, "node_modules"));
  await run("npm", ["run", "build"], { cwd: clone });
  const { stdout } = await run("npm", ["pack", "--json"], { cwd: clone });
  packed = (JSON.parse(stdout) as readonly Packed[])[0];
  await run("tar", ["-xzf", join(clone, packed.filename), "-C", folder]);
  unpacked = join(folder, "package");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the package", () => {
  test("is small and holds what is used, prelude and examples included, and nothing else", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(packed.size).toBeLessThan(2_000_000);
    for (const path of [
      "dist/cli/main.js",
      "dist/runtime/index.js",
      "dist/runtime/index.d.ts",
      "examples/cells/bnlstm.cell",
      "examples/smnist.cell",
      "README.md",
      "LICENSE",
    ]) {
      expect(paths).toContain(path);
    }
    const strays = paths.filter(
      (path) => !/^(?:dist|docs|examples)\/|^(?:client\.d\.ts|package\.json|README\.md|LICENSE)$/.test(path),
    );
    expect(strays).toEqual([]);
    expect(
      paths
        // The example for the web is there to be copied.
        .filter((path) => !path.startsWith("examples/web/"))
        .filter((path) => /(?:^|\/)(?:test|bench)\/|fixture|\.idx|ubyte|\.safetensors|(?<!\.d)\.ts$/.test(path)),
    ).toEqual([]);
  });

  // Before the dependencies are there, so that an import of one would fail.
  test("has a runtime that runs alone, without a single dependency", async () => {
    const app = join(folder, "app");
    await mkdir(join(app, "node_modules"), { recursive: true });
    await symlink(unpacked, join(app, "node_modules", "cellc"));
    const program = "import { Session } from 'cellc/runtime'; console.log(typeof Session.open)";
    await writeFile(join(app, "main.mjs"), program);
    expect((await run(process.execPath, [join(app, "main.mjs")])).stdout).toBe("function\n");
  });

  test("has a cellc that checks, formats and compiles its own examples from any folder", async () => {
    await symlink(join(repository, "node_modules"), join(unpacked, "node_modules"));
    const { bin } = JSON.parse(await readFile(join(unpacked, "package.json"), "utf8")) as { bin: { cellc: string } };
    const cellc = (...args: readonly string[]) =>
      run(process.execPath, [join(unpacked, bin.cellc), ...args], { cwd: folder });
    const cell = join(unpacked, "examples/cells/bnlstm.cell");
    expect((await cellc("check", cell)).stdout).toMatch(/^nothing is wrong/);
    expect((await cellc("fmt", cell)).stdout).toBe(await readFile(cell, "utf8"));
    await cellc("compile", cell, "--out", join(folder, "out"), "--dims", "H=8");
    const plan = JSON.parse(await readFile(join(folder, "out", "plan.json"), "utf8")) as { name: string };
    expect(plan.name).toBe("bnlstm");
  });

  // After the test that compiles, and with the installed runtime: its workers start from JavaScript.
  test("has a runtime that runs what cellc compiled on several threads", async () => {
    const program = `
      import { readFile } from "node:fs/promises";
      import { wasmBackend } from "cellc/runtime";
      const [binary, relaxed] = [await readFile("kernels.wasm"), await readFile("kernels.relaxed.wasm")];
      const plan = JSON.parse(await readFile("plan.json", "utf8"));
      const backend = wasmBackend({ threads: 3, costs: { barrier: 0, start: 0 } });
      const machine = await backend.open({ plan, code: { kind: "wasm", text: "", binary, relaxed } });
      await machine.prepare(4);
      await machine.run("train", 4);
      console.log(backend.threads);
      backend.close();`;
    await writeFile(join(folder, "app", "threads.mjs"), program);
    const { stdout } = await run(process.execPath, [join(folder, "app", "threads.mjs")], { cwd: join(folder, "out") });
    expect(stdout).toBe("3\n");
  });

  test("compiles and trains as the document of the API says", async () => {
    const [, program] = /```js\n([\s\S]*?)```/.exec(await readFile(join(unpacked, "docs/api.md"), "utf8"))!;
    await writeFile(join(folder, "app", "api.mjs"), program);
    const { stdout } = await run(process.execPath, [join(folder, "app", "api.mjs")], {
      cwd: join(unpacked, "examples/cells"),
    });
    expect(stdout).toMatch(/^(?:-?\d\S*\n){3}true\n$/);
  });

  test("streams what cellc compiled as the document says, without a compiler", async () => {
    const [, program] = /```js\n([\s\S]*?)```/.exec(await readFile(join(unpacked, "docs/streaming.md"), "utf8"))!;
    const { bin } = JSON.parse(await readFile(join(unpacked, "package.json"), "utf8")) as { bin: { cellc: string } };
    const cell = join(unpacked, "examples/cells/bnlstm.cell");
    const out = join(folder, "stream");
    const options = ["--batch", "1", "--time", "3", "--dims", "H=8", "--entries", "start,step"];
    await run(process.execPath, [join(unpacked, bin.cellc), "compile", cell, "--out", out, ...options]);
    const checkpoint = `
      import { readFile, writeFile } from "node:fs/promises";
      import { encodeCheckpoint, Session, wasmBackend } from "cellc/runtime";
      const plan = JSON.parse(await readFile("plan.json", "utf8"));
      const binary = await readFile("kernels.wasm");
      const backend = wasmBackend({ threads: 1, simd: "plain" });
      const session = await Session.open({ plan, code: { kind: "wasm", text: "", binary } }, backend, { seed: 1 });
      // One example has no variance: statistics as of some other data.
      for (const { name, shape, role } of Object.values(plan.entries)[0].tensors)
        if (role.kind === "stat") await session.write(name, new Float32Array(role.steps * shape[0]).fill(0.5));
      await writeFile("model.safetensors", encodeCheckpoint(await session.state()));`;
    await writeFile(join(folder, "app", "checkpoint.mjs"), checkpoint);
    await run(process.execPath, [join(folder, "app", "checkpoint.mjs")], { cwd: out });
    await writeFile(join(folder, "app", "stream.mjs"), program);
    const { stdout } = await run(process.execPath, [join(folder, "app", "stream.mjs")], { cwd: out });
    expect(stdout).toBe("1 8\n2 8\n3 8\n4 8\n5 8\n");
  });

  test("has every file that its exports name", async () => {
    const text = await readFile(join(unpacked, "package.json"), "utf8");
    const { exports } = JSON.parse(text) as { exports: Record<string, string | { types: string; default: string }> };
    const targets = Object.values(exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    const paths = new Set(packed.files.map(({ path }) => `./${path}`));
    expect(targets.filter((target) => !target.includes("*") && !paths.has(target))).toEqual([]);
    const modules = targets.filter((target) => target.endsWith(".js"));
    for (const module of modules) await import(/* @vite-ignore */ pathToFileURL(join(unpacked, module)).href);
    expect(modules.length).toBeGreaterThan(3);
  });
});
