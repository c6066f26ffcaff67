/** What a user installs: the tree built as on a fresh clone, packed, and installed in an empty folder, without what only we need. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTree, treeFiles } from "../house/tree.ts";
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
/** The folder of a program that has installed it. */
let app: string;
/** The package as it is installed. */
let installed: string;

/** Runs the installed command in `folder`. */
const cellc = (...args: readonly string[]) =>
  run(process.execPath, [join(app, "node_modules/.bin/cellc"), ...args], { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cellc-package-"));
  const clone = join(folder, "clone");
  for (const file of treeFiles().filter((path) => WANTED.test(path)))
    await cp(join(repository, file), join(clone, file));
  await symlink(join(repository, "node_modules"), join(clone, "node_modules"));
  await run("npm", ["run", "build"], { cwd: clone });
  const { stdout } = await run("npm", ["pack", "--json"], { cwd: clone });
  packed = (JSON.parse(stdout) as readonly Packed[])[0];
  app = join(folder, "app");
  await mkdir(app);
  await writeFile(join(app, "package.json"), '{ "private": true, "type": "module" }');
  // From npm's cache, if it has them all.
  const quietly = ["--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...quietly, join(clone, packed.filename)], { cwd: app });
  installed = join(app, "node_modules/cellc");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the package", () => {
  test("is small and holds what is used, prelude and examples included, and nothing else", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(packed.size).toBeLessThan(2_500_000);
    for (const path of [
      "dist/cli/main.js",
      "dist/cli/page.js",
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

  test("is as small as the document says, in as few packages", async () => {
    const [, megabytes, packages] = /(\d+) MB on the disk, in (\d+) packages/.exec(readTree("docs/cli.md"))!;
    expect(await diskBytes(join(app, "node_modules"))).toBeLessThan(Number(megabytes) * 2 ** 20);
    expect(await installedPackages()).toHaveLength(Number(packages));
    expect(Number(megabytes)).toBeLessThan(25);
  });

  test("says under which licences the packages come that are bundled in it", async () => {
    const text = await readFile(join(installed, "dist/third-party-licenses.txt"), "utf8");
    for (const name of ["chevrotain", "lodash-es", "@observablehq/plot", "d3-scale", "linkedom", "cli-progress"])
      expect(text).toMatch(new RegExp(`^${name} \\d\\S+ \\((?:MIT|ISC|Apache-2.0)\\)$`, "m"));
  });

  test("has modules for each of its exports, which load, and whose types are whole, without a package more", async () => {
    const { exports } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
      exports: Readonly<Record<string, string | { types: string; default?: string }>>;
    };
    // What has no code is types alone.
    const names = Object.entries(exports).flatMap(([path, target]) =>
      typeof target === "string" || target.default === undefined ? [] : [path.replace(".", "cellc")],
    );
    expect(names.length).toBeGreaterThan(4);
    const imports = names.map((name, i) => `import * as m${i} from "${name}";`);
    const program = [...imports, `console.log(${names.map((_, i) => `Object.keys(m${i}).length > 0`).join(", ")});`];
    await writeFile(join(app, "all.ts"), program.join("\n"));
    // What is asked is whether the declarations find all they name: types of Node or of WebGPU would come with packages of ours.
    const compiler = fileURLToPath(new URL("../bin/tsc", import.meta.resolve("typescript")));
    const strictly = [
      "--strict",
      "--skipLibCheck",
      "false",
      "--target",
      "es2023",
      "--lib",
      "es2024,dom",
      "--types",
      "",
    ];
    await run(process.execPath, [compiler, ...strictly, "--module", "nodenext", "all.ts"], { cwd: app });
    const { stdout } = await run(process.execPath, ["all.js"], { cwd: app });
    expect(stdout.trim().split(" ")).toEqual(names.map(() => "true"));
    for (const path of ["cellc/package.json", "cellc/examples/cells/bnlstm.cell"]) {
      const asked = `console.log((await import("node:fs")).statSync(new URL(import.meta.resolve("${path}"))).isFile())`;
      expect((await run(process.execPath, ["--input-type=module", "-e", asked], { cwd: app })).stdout).toBe("true\n");
    }
  });

  test("has a runtime that runs alone, without a single dependency", async () => {
    const alone = join(folder, "alone");
    await mkdir(join(alone, "node_modules"), { recursive: true });
    await cp(installed, join(alone, "node_modules", "cellc"), { recursive: true });
    const program = "import { Session } from 'cellc/runtime'; console.log(typeof Session.open)";
    await writeFile(join(alone, "main.mjs"), program);
    expect((await run(process.execPath, [join(alone, "main.mjs")])).stdout).toBe("function\n");
  });

  test("has a cellc that checks, formats, compiles and draws its own examples from any folder", async () => {
    const { version } = JSON.parse(readTree("package.json")) as { version: string };
    expect((await cellc("--version")).stdout).toBe(`${version}\n`);
    const cell = join(installed, "examples/cells/bnlstm.cell");
    expect((await cellc("check", cell)).stdout).toMatch(/^nothing is wrong/);
    expect((await cellc("fmt", cell)).stdout).toBe(await readFile(cell, "utf8"));
    await cellc("compile", cell, "--out", join(folder, "out"), "--dims", "H=8");
    const plan = JSON.parse(await readFile(join(folder, "out", "plan.json"), "utf8")) as { name: string };
    expect(plan.name).toBe("bnlstm");
    // Charts are drawn by packages that are bundled.
    await cellc("demo", "--steps", "2", "--out", "drawn");
    expect(await readFile(join(folder, "drawn/curves.svg"), "utf8")).toMatch(/^<svg [\s\S]*<path [\s\S]*<\/svg>\n$/);
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
    await writeFile(join(app, "threads.mjs"), program);
    const { stdout } = await run(process.execPath, [join(app, "threads.mjs")], { cwd: join(folder, "out") });
    expect(stdout).toBe("3\n");
  });

  test("compiles and trains as the document of the API says", async () => {
    const [, program] = /```js\n([\s\S]*?)```/.exec(await readFile(join(installed, "docs/api.md"), "utf8"))!;
    await writeFile(join(app, "api.mjs"), program);
    const { stdout } = await run(process.execPath, [join(app, "api.mjs")], {
      cwd: join(installed, "examples/cells"),
    });
    expect(stdout).toMatch(/^(?:-?\d\S*\n){3}true\n$/);
  });

  test("trains on parts of sequences as the document says", async () => {
    const [, program] = /```js\n([\s\S]*?)```/.exec(await readFile(join(installed, "docs/carry.md"), "utf8"))!;
    await writeFile(join(app, "carry.mjs"), program);
    const { stdout } = await run(process.execPath, [join(app, "carry.mjs")], {
      cwd: join(installed, "examples/models"),
    });
    expect(stdout).toMatch(/^(?:-?\d\S*\n){6}60\n$/);
  });

  test("streams what cellc compiled as the document says, without a compiler", async () => {
    const text = await readFile(join(installed, "docs/streaming.md"), "utf8");
    const [program, atOnce, missing] = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, program]) => program);
    const cell = join(installed, "examples/cells/bnlstm.cell");
    const out = join(folder, "stream");
    const options = ["--batch", "1", "--time", "3", "--dims", "H=8", "--entries", "start,step"];
    await cellc("compile", cell, "--out", out, ...options);
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
    await writeFile(join(app, "checkpoint.mjs"), checkpoint);
    await run(process.execPath, [join(app, "checkpoint.mjs")], { cwd: out });
    await writeFile(join(app, "stream.mjs"), program);
    const { stdout } = await run(process.execPath, [join(app, "stream.mjs")], { cwd: out });
    expect(stdout).toBe("1 8\n2 8\n3 8\n4 8\n5 8\n");
    await writeFile(join(app, "at-once.mjs"), atOnce);
    expect((await run(process.execPath, [join(app, "at-once.mjs")], { cwd: out })).stdout).toBe("5 8\n");
    await writeFile(join(app, "missing.mjs"), missing);
    expect((await run(process.execPath, [join(app, "missing.mjs")], { cwd: out })).stdout).toBe("0 NaN\n");
  });
});

/** What the files of a folder take on a disk with blocks of 4 KiB, which most have. */
async function diskBytes(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true });
  const files = await Promise.all(names.map((name) => stat(join(path, name))));
  return files.reduce((sum, file) => sum + (file.isFile() ? Math.ceil(file.size / 4096) * 4096 : 4096), 0);
}

/** The packages that npm put there, cellc included. */
async function installedPackages(): Promise<readonly string[]> {
  const lock = JSON.parse(await readFile(join(app, "node_modules/.package-lock.json"), "utf8")) as { packages: object };
  return Object.keys(lock.packages);
}
