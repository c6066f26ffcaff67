/** `cellc predict`: from a trained model and new data to a file of predictions. */
import { EventEmitter } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { predict } from "../../cli/commands/predict.ts";
import { createOutput } from "../../cli/output.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { openSession } from "../../runtime/node/open-executable.ts";
import { withFolder } from "../data/mnist.ts";
import { forecastText } from "./forecast-text.ts";
import { cellc } from "./run-here.ts";

const forecast = forecastText(7, 6, "  level = mean(last(hs))\n  output level\n");

const waves = (steps: number, from = 0): string =>
  `date,load,heat\n${Array.from({ length: steps }, (_, i) => {
    const t = from + i;
    const day = String(1 + Math.floor(t / 24)).padStart(2, "0");
    return `2020-01-${day} ${t % 24}:00,${50 + 20 * Math.sin(t / 4)},${Math.cos(t / 7)}`;
  }).join("\n")}\n`;

interface Run {
  readonly folder: string;
  readonly run: string;
}

/** A model that was trained for a few steps on a file. */
async function trained(
  folder: string,
  name: string,
  cell: string,
  text: string,
  ...options: readonly string[]
): Promise<Run> {
  await writeFile(join(folder, "a.cell"), cell);
  await writeFile(join(folder, name), text);
  const run = join(folder, "run");
  const all = [join(folder, "a.cell"), "--data", join(folder, name), "--batch", "8", "--out", run];
  const ended = await cellc(["train", ...all, ...options]);
  expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
  return { folder, run };
}

const FORECAST = [
  ...["--window", "12", "--horizon", "3", "--target", "load", "--split", "0.7,0.1,0.2"],
  ...["--steps", "10", "--lr", "1e-2"],
];

async function predicted({ folder, run }: Run, ending: string, ...options: readonly string[]) {
  const out = join(folder, `p${ending}`);
  const ended = await cellc(["predict", run, "--out", out, ...options]);
  return { ...ended, text: ended.code === 0 ? await readFile(out, "utf8") : "" };
}

async function ofNew(run: Run, text: string, ending: string, ...options: readonly string[]) {
  const path = join(run.folder, "new.csv");
  await writeFile(path, text);
  return predicted(run, ending, "--data", path, ...options);
}

const cellsOf = (text: string): readonly (readonly string[])[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));

describe("a forecast of a new table", () => {
  test("is what a session gives by hand, in the data's units, with the dates that it is for", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "waves.csv", forecast, waves(200), ...FORECAST);
      const table = waves(30, 500);
      const { text, stderr } = await ofNew(run, table, ".csv");
      expect(stderr).toContain("predicted: every window, 19");
      const [header, ...rows] = cellsOf(text);
      expect(header).toEqual(["date", "load+1", "load+2", "load+3", "load_true+1", "load_true+2", "load_true+3"]);
      const given = cellsOf(table).slice(1);
      // The last window's first prediction is for the hour after the last row.
      expect(rows.map(([date]) => date)).toEqual([...given.slice(12).map(([date]) => date), "2020-01-23 2:00"]);
      expect(rows.map((row) => row.slice(4))).toEqual(
        rows.map((_, w) => [0, 1, 2].map((h) => given[w + 12 + h]?.[1] ?? "")),
      );
      const exported = join(folder, "model");
      expect((await cellc(["export", run.run, "--out", exported])).code).toBe(0);
      const session = await openSession(exported);
      const { inputs, targets } = JSON.parse(session.notes.preparation) as {
        inputs: { x: { center: number[]; spread: number[] } };
        targets: { y: { center: number[]; spread: number[] } };
      };
      for (const [w, row] of rows.entries()) {
        const x = Float32Array.from({ length: 24 }, (_, i) => {
          const value = Number(given[w + Math.floor(i / 2)][1 + (i % 2)]);
          return (value - inputs.x.center[i % 2]) / inputs.x.spread[i % 2];
        });
        const { outputs } = await session.infer({ inputs: { x, y: null }, steps: 12, examples: 1 });
        for (const [h, z] of outputs.z.entries())
          expect(Number(row[1 + h])).toBeCloseTo(targets.y.center[0] + targets.y.spread[0] * z, 4);
      }
      const written = JSON.parse(await readFile(join(exported, "preparation.json"), "utf8"));
      expect(written).toEqual(JSON.parse(session.notes.preparation));
      expect(written).toMatchObject({ format: 1, places: { y: "horizon" }, window: 12, horizon: 3 });
      session.close();
    }));

  test("can lack the target, if no input is made of it, and another output is written as it is", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "waves.csv", forecast, waves(200), ...FORECAST, "--x", "heat");
      const without = waves(20).replace(/^([^,]*),[^,]*,/gm, "$1,");
      const { text } = await ofNew(run, without, ".csv");
      expect(cellsOf(text)[0]).toEqual(["date", "load+1", "load+2", "load+3"]);
      const gaps = await ofNew(run, waves(20).replace(/(13:00),[^,]*/, "$1,"), ".csv");
      expect(cellsOf(gaps.text)[1].slice(4)).toEqual([
        expect.stringContaining("52.8"),
        "",
        expect.stringContaining("42.9"),
      ]);
      const level = await ofNew(run, without, ".jsonl", "--output", "level");
      expect(Object.keys(JSON.parse(level.text.split("\n")[0]))).toEqual(["date", "level"]);
    }));

  test("of a part of the run's own data has the windows of that part, and every one of them", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "waves.csv", forecast, waves(200), ...FORECAST, "--stride", "5");
      // 40 steps, of which the last 3 windows know less than their horizon.
      expect(cellsOf((await predicted(run, ".csv", "--split", "test")).text)).toHaveLength(1 + 29);
      expect(cellsOf((await predicted(run, ".csv")).text)).toHaveLength(1 + 9);
      const tenth = cellsOf((await predicted(run, ".csv", "--split", "test", "--stride", "10")).text);
      // The last one ends with the data all the same.
      expect(tenth.slice(1).map(([date]) => date)).toEqual(
        [172, 182, 192, 200].map((t) => cellsOf(waves(201))[t + 1][0]),
      );
    }));

  test("without a column that the model reads, with an unknown output or ending, ends with an error and no file", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "waves.csv", forecast, waves(200), ...FORECAST);
      const less = await ofNew(run, waves(20).replace(/,[^,]*$/gm, ""), ".csv");
      expect([less.code, less.stderr]).toEqual([
        1,
        expect.stringContaining("has no column heat, of which the model's x"),
      ]);
      const gap = await ofNew(run, waves(20).replace(/(13:00),[^,]*/, "$1,"), ".csv");
      expect([gap.code, gap.stderr]).toEqual([1, expect.stringContaining("new.csv:15: column 2, load, is missing")]);
      const none = await predicted(run, ".csv", "--output", "zz");
      expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("has no output zz")]);
      const other = await predicted(run, ".csv", "--horizon", "4");
      expect([other.code, other.stderr]).toEqual([
        2,
        expect.stringContaining("with --horizon 3, and here is --horizon 4"),
      ]);
      const ending = await predicted(run, ".txt");
      expect([ending.code, ending.stderr]).toEqual([2, expect.stringContaining("choose .csv, .jsonl, .npz")]);
      expect((await readdir(folder)).filter((name) => name.startsWith("p.") || name.startsWith("."))).toEqual([]);
    }));
});

test("a signal leaves the file that was there, and nothing else", () =>
  withFolder(async (folder) => {
    const { run } = await trained(folder, "waves.csv", forecast, waves(200), ...FORECAST);
    const out = join(folder, "p.csv");
    await writeFile(out, "before");
    const signals = new EventEmitter();
    const sink = new Writable({
      write(text, _, done) {
        // The progress line is written when the first batch is done, and before the last one is.
        if (String(text).includes("examples")) signals.emit("SIGINT");
        done();
      },
    });
    // A clock on which a line of progress is due after each batch.
    let now = 0;
    const clock = (): number => (now += 10_000);
    const output = createOutput({ json: false, color: false, stdout: sink, stderr: sink, environment: {}, now: clock });
    const host = Object.assign(signals, { exit: () => expect.unreachable("one signal lets it end in order") });
    const context = { output, environment: {}, seed: 1, stdin: Readable.from([]), signals: host };
    const options = { batch: 8, dims: {}, cell: {}, target: "wasm", split: "test", out, threads: 1 } as const;
    expect(await predict(context, run, undefined, options, new Set())).toBe(130);
    expect(await readFile(out, "utf8")).toBe("before");
    expect((await readdir(folder)).toSorted()).toEqual(["a.cell", "p.csv", "run", "waves.csv"]);
  }));

describe("eval", () => {
  test("says the errors in the data's units, of each step, beside those of the last value that goes on", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "waves.csv", forecast, waves(200), ...FORECAST);
      const { reports } = JSON.parse((await cellc(["eval", run.run, "--split", "test", "--json"])).stdout);
      const [, ...rows] = cellsOf((await predicted(run, ".csv", "--split", "test")).text);
      const whole = rows
        .map((row) => row.slice(1).map(Number))
        .filter((row) => row.slice(3).every((value) => value !== 0));
      const last = cellsOf(waves(200))
        .slice(1)
        .map(([, load]) => Number(load));
      const mean = (of: (row: number[], h: number, w: number) => number, steps: readonly number[]): number =>
        whole.reduce((sum, row, w) => sum + steps.reduce((part, h) => part + of(row, h, w), 0), 0) /
        (whole.length * steps.length);
      const error = (row: number[], h: number): number => row[h] - row[3 + h];
      // The test part are the last 40 steps, and the first window has 12 of them.
      const persistence = (row: number[], h: number, w: number): number => last[160 + w + 11] - row[3 + h];
      const wanted = (steps: readonly number[]) => ({
        mae: expect.closeTo(
          mean((row, h) => Math.abs(error(row, h)), steps),
          4,
        ),
        rmse: expect.closeTo(Math.sqrt(mean((row, h) => error(row, h) ** 2, steps)), 4),
        baseline: {
          mae: expect.closeTo(
            mean((row, h, w) => Math.abs(persistence(row, h, w)), steps),
            4,
          ),
          rmse: expect.closeTo(Math.sqrt(mean((row, h, w) => persistence(row, h, w) ** 2, steps)), 4),
        },
      });
      expect(reports.y).toMatchObject({
        kind: "numbers",
        baseline: "persistence",
        columns: [{ column: "load", ...wanted([0, 1, 2]), steps: [wanted([0]), wanted([1]), wanted([2])] }],
      });
      const { mae, baseline } = reports.y.columns[0];
      expect(reports.y.better).toBe(mae < baseline.mae);
      const said = await cellc(["eval", run.run, "--split", "test"]);
      expect(said.stdout).toMatch(/^load\+3 +\d/m);
      expect(said.stdout).toContain(`${reports.y.better ? "better" : "no better"} than without learning (persistence)`);
    }));
});

describe("classes of sequences of different lengths", () => {
  const table = (count: number, named: boolean): string =>
    `id,v${named ? ",kind" : ""}\n${Array.from({ length: count }, (_, g) =>
      Array.from(
        { length: 3 + (g % 5) },
        (_, t) => `s${g},${g % 2 === 0 ? t : -t}${named ? `,${g % 2 === 0 ? "up" : "down"}` : ""}`,
      ).join("\n"),
    ).join("\n")}\n`;

  const bnlstm = async (folder: string) =>
    trained(
      folder,
      "seq.csv",
      await readFile("examples/cells/bnlstm.cell", "utf8"),
      table(60, true),
      ...["--group", "id", "--label", "kind", "--dims", "H=4", "--steps", "30", "--lr", "3e-2"],
    );

  test("have names, probabilities and ids, and need no class; without statistics they are refused", () =>
    withFolder(async (folder) => {
      const run = await bnlstm(folder);
      const { text } = await ofNew(run, table(9, false), ".csv");
      const [header, ...rows] = cellsOf(text);
      expect(header).toEqual(["id", "kind", "p_down", "p_up"]);
      expect(rows.map(([id, kind]) => [id, kind])).toEqual(
        Array.from({ length: 9 }, (_, g) => [`s${g}`, g % 2 === 0 ? "up" : "down"]),
      );
      for (const [, kind, down, up] of rows) {
        expect(Number(down) + Number(up)).toBeCloseTo(1, 5);
        expect(Number(kind === "up" ? up : down)).toBeGreaterThan(0.5);
      }
      const known = await ofNew(run, table(9, true), ".jsonl");
      expect(JSON.parse(known.text.split("\n")[0])).toMatchObject({ id: "s0", kind: "up", kind_true: "up" });
      // Other data is measured whole, as the run's model, though its sequences may be longer.
      await writeFile(join(folder, "new.csv"), `${table(9, true)}s9,0,down\n`.concat("s9,-1,down\n".repeat(9)));
      const measured = await cellc(["eval", run.run, "--data", join(folder, "new.csv"), "--json"]);
      expect(JSON.parse(measured.stdout)).toMatchObject({ ok: true, examples: 10, split: "test" });
      const strange = await ofNew(run, table(9, true).replaceAll("down", "sideways"), ".csv");
      expect([strange.code, strange.stderr]).toEqual([
        1,
        expect.stringContaining('kind of new is "sideways" in sequence 2, step 4'),
      ]);
      const picture = join(folder, "confusion.svg");
      const { reports } = JSON.parse(
        (await cellc(["eval", run.run, "--split", "test", "--json", "--svg", picture])).stdout,
      );
      const test = (await predicted(run, ".jsonl", "--split", "test")).text.trimEnd().split("\n");
      const pairs = test.map((line) => JSON.parse(line) as { kind: string; kind_true: string });
      const count = (truth: string, kind: string): number =>
        pairs.filter((pair) => pair.kind_true === truth && pair.kind === kind).length;
      const names = ["down", "up"];
      expect(reports.y).toMatchObject({
        kind: "classes",
        classes: names,
        confusion: names.map((truth) => names.map((kind) => count(truth, kind))),
        baseline: { name: "most frequent" },
      });
      expect(await readFile(picture, "utf8")).toContain(`<title>up taken for up: ${count("up", "up")}, `);
      const checkpoint = join(run.run, "best.safetensors");
      const state = decodeCheckpoint(await readFile(checkpoint));
      const { written: _, ...counters } = state.counters;
      const none = { ...state, counters: { ...counters, seen: counters.seen.map(() => 0) } };
      await writeFile(checkpoint, encodeCheckpoint(none));
      const refused = await ofNew(run, table(9, false), ".csv");
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("C0501")]);
      expect(refused.stderr).toContain("--estimate");
    }));
});
