/**
 * Damaged folders of runs and explorations, tuned schedules and data sets, through the command line: refused, with every file left as
 * it was; or done, with the numbers of the sound files.
 */
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exit } from "../../../cli/failure.ts";
import { readCurve } from "../../../cli/report/curve-log.ts";
import { cellKey, deviceName, remember } from "../../../cli/tuned.ts";
import type { Plan } from "../../../runtime/plan.ts";
import { cellc } from "../../cli/run-here.ts";
import { writeSyntheticMnist } from "../../data/mnist.ts";
import { changeBytes } from "../change-bytes.ts";
import { changeJson, type Json } from "../change-json.ts";
import { start } from "../command.ts";
import { contentsOf, difference } from "../folder-contents.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import type { Random } from "../random.ts";
import { evalArgs, exploreArgs, trainArgs, writeCell } from "../run-case.ts";
import { inNewFolder, newFolder } from "../scratch.ts";
import { verdictOfCommand } from "../verdict.ts";

const STEPS = 4;
const MORE_STEPS = 6;
const BUDGET = 4;

/** A file's new content; `undefined` if it is gone; or a folder or a link to itself in its place. */
type Damage = Uint8Array | "folder" | "link" | undefined;

interface Area {
  /** The folder, made once a process, and its files that may be damaged. */
  readonly make: (root: string, cell: string) => Promise<void>;
  readonly files: readonly string[];
  /** Tries a damaged copy at `folder`. */
  readonly attempt: (world: World, file: string, random: Random) => Promise<Verdict>;
  /** How often it is taken. */
  readonly weight: number;
}

interface World {
  /** The damaged copy. */
  readonly folder: string;
  readonly cell: string;
  /** The sound one. */
  readonly sound: string;
}

const run: Area = {
  weight: 10,
  files: ["run.json", "run.json", "curve.jsonl", "curve.jsonl", "model.safetensors", "curve.svg"],
  make: async (root, cell) => {
    await succeed(trainArgs(cell, root, STEPS));
  },
  async attempt(world, file, random) {
    const { folder, cell, sound } = world;
    const model = join(folder, "model.safetensors");
    const before = await contentsOf(folder);
    const isModel = file === "model.safetensors";
    const check = random.below(4);
    const args = [
      trainArgs(cell, folder, MORE_STEPS, "--resume"),
      ["stats", folder, "--json"],
      ["stats", folder, "--estimate", "--batches", "1"],
      evalArgs(cell, model),
    ][check];
    const ended = await cellc(args);
    const verdict = verdictOfCommand(ended);
    // Other numbers in a checkpoint are numbers, and training may come to nothing from there.
    if (isModel && ended.code === exit.diverged) return accepted;
    if (verdict.outcome === "refused") return (await untouched(folder, before, args)) ?? verdict;
    if (verdict.outcome !== "accepted" || isModel) return verdict;
    if (check === 0) {
      const straight = await longer(cell);
      if (!(await readFile(model)).equals(straight))
        return wrong(`the run went on to another end, with ${file} damaged`);
      const last = (await readCurve(join(folder, "curve.jsonl"))).at(-1);
      return last?.step === MORE_STEPS ? accepted : wrong(`the curve ends at step ${last?.step}, with ${file} damaged`);
    }
    if (check === 2) return accepted;
    const expected = await cellc(check === 1 ? ["stats", sound, "--json"] : args);
    return numbersIn(ended.stdout) === numbersIn(expected.stdout)
      ? accepted
      : wrong(`${args[0]} shows other numbers, with ${file} damaged`);
  },
};

const exploration: Area = {
  weight: 1,
  files: ["explore.json", "rows/0001.json", "rows/0002.json", "explore.html"],
  make: async (root, cell) => {
    const { code, stderr } = await start(exploreArgs(cell, root, BUDGET)).ended;
    if (code !== 0) throw new Error(`explore ended with ${code}: ${stderr}`);
  },
  async attempt({ folder, cell }, file) {
    const before = await contentsOf(folder);
    const args = exploreArgs(cell, folder, BUDGET, "--resume");
    const verdict = verdictOfCommand(await start(args).ended);
    if (verdict.outcome === "refused") return (await untouched(folder, before, args)) ?? verdict;
    const after = await contentsOf(folder);
    const lost = [...before].find(
      ([name, bytes]) => name.startsWith("rows/") && name !== file && !after.get(name)?.equals(bytes),
    );
    return verdict.outcome === "accepted" && lost !== undefined
      ? wrong(`${lost[0]} changed, with ${file} damaged`)
      : verdict;
  },
};

/** The user's own cache: nothing in it may stop a command. */
const tuned: Area = {
  weight: 1,
  files: ["cellc/tuned.json"],
  make: async (root, cell) => {
    await succeed(["compile", cell, "--batch", "8", "--out", join(root, "compiled")]);
    const plan = JSON.parse(await readFile(join(root, "compiled/plan.json"), "utf8")) as Plan;
    const device = await deviceName("wasm");
    await remember({ XDG_CACHE_HOME: root }, device!, cellKey(plan), { forward: "column", backward: "column" });
  },
  async attempt({ folder, cell }) {
    const args = ["inspect", cell, "--batch", "8"];
    return verdictOfCommand(await cellc(args, { environment: { XDG_CACHE_HOME: folder } }));
  },
};

const data: Area = {
  weight: 2,
  files: [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
  ],
  make: writeSyntheticMnist,
  async attempt({ folder, sound }, file) {
    const args = (from: string) => ["data", "mnist-rows", "--data", from, "--offline", "--count", "60", "--json"];
    const ended = await cellc(args(folder));
    const verdict = verdictOfCommand(ended);
    // A compressed file has a checksum; in one that has none a changed pixel is a pixel.
    if (verdict.outcome !== "accepted" || !file.endsWith(".gz")) return verdict;
    const expected = await cellc(args(sound));
    return ended.stdout === expected.stdout ? accepted : wrong(`${file} was read as something else`);
  },
};

const areas: Readonly<Record<string, Area>> = { run, exploration, tuned, data };
const names = Object.entries(areas).flatMap(([name, { weight }]) => new Array<string>(weight).fill(name));

export const folders: Fuzzer = {
  name: "folders",
  tries: "damaged runs, explorations, caches and data: refused without a change, or done with the right numbers",
  seconds: 90,
  async make(random): Promise<Case> {
    const name = random.pick(names);
    const area = areas[name];
    const { root, cell } = await soundFolder(name);
    const file = random.pick(area.files);
    const damage = damaged(await readFile(join(root, file)), file, random);
    const draw = random.again();
    const shown = damage instanceof Uint8Array ? damage : `${damage ?? "missing"}\n`;
    return {
      files: { [`${file.replaceAll("/", "-")}.damaged`]: shown },
      attempt: () =>
        inNewFolder(async (inside) => {
          const folder = join(inside, "copy");
          await cp(root, folder, { recursive: true });
          await replace(join(folder, file), damage);
          return area.attempt({ folder, cell, sound: root }, file, draw());
        }),
    };
  },
};

function damaged(bytes: Buffer, file: string, random: Random): Damage {
  if (random.chance(0.08)) return random.pick([undefined, "folder", "link", new Uint8Array(0)] as const);
  if (random.chance(0.25)) return changeBytes(bytes, random);
  const text = bytes.toString();
  const change = (json: string): string => JSON.stringify(changeJson(JSON.parse(json) as Json, random).value);
  if (file.endsWith(".json")) return Buffer.from(change(text));
  if (!file.endsWith(".jsonl")) return changeBytes(bytes, random);
  const lines = text.trimEnd().split("\n");
  const at = random.below(lines.length);
  const other = random.below(lines.length);
  const changed = random.pick([
    () => lines.with(at, change(lines[at])),
    () => lines.toSpliced(at, 1),
    () => lines.toSpliced(other, 0, lines[at]),
    () => lines.with(at, lines[other]).with(other, lines[at]),
    () => lines.toSpliced(at, 0, random.pick(["", "{", "null", "[]", "x", "\0", '{"kind":"train"}', "[".repeat(1e5)])),
  ])();
  return Buffer.from(`${changed.join("\n")}\n`);
}

async function replace(path: string, damage: Damage): Promise<void> {
  await rm(path, { recursive: true, force: true });
  if (damage === undefined) return;
  if (damage === "folder") await mkdir(path);
  else if (damage === "link") await symlink(path, path);
  else await writeFile(path, damage);
}

async function succeed(args: readonly string[]): Promise<void> {
  const { code, stderr } = await cellc(args);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
}

async function untouched(
  folder: string,
  before: Awaited<ReturnType<typeof contentsOf>>,
  args: readonly string[],
): Promise<Verdict | undefined> {
  const touched = difference(before, await contentsOf(folder));
  return touched === undefined ? undefined : wrong(`${args[0]} refused a folder and changed ${touched} in it`);
}

/** The numbers of a result that come from a checkpoint and from examples. */
function numbersIn(stdout: string): string {
  const { statistics, step, loss, metrics } = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  return JSON.stringify({ statistics, step, loss, metrics });
}

interface Sound {
  readonly root: string;
  readonly cell: string;
}

const made = new Map<string, Promise<Sound>>();

function soundFolder(name: string): Promise<Sound> {
  const known = made.get(name) ?? makeSound(areas[name]);
  made.set(name, known);
  return known;
}

async function makeSound({ make }: Area): Promise<Sound> {
  const folder = await newFolder();
  const cell = await writeCell(folder);
  const root = join(folder, "sound");
  await make(root, cell);
  return { root, cell };
}

let straight: Promise<Buffer> | undefined;

/** The checkpoint of a run that nothing happened to. */
function longer(cell: string): Promise<Buffer> {
  straight ??= inNewFolder(async (folder) => {
    await succeed(trainArgs(cell, join(folder, "run"), MORE_STEPS));
    return readFile(join(folder, "run/model.safetensors"));
  });
  return straight;
}
