/**
 * SIGINT and SIGTERM at random moments of long commands: each ends soon, and what goes on ends as if nothing had been, bit for bit.
 * `CELLC_SIGNALS=20` tries that many moments of each, and says how long the slowest took to end.
 */
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { RowRecord } from "../../cli/explore/row.ts";
import { readCurve } from "../../cli/report/curve-log.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc, type Ended } from "./run-cellc.ts";

const moments = Number(process.env.CELLC_SIGNALS ?? 1);
/** Each moment takes up to a run and a half. */
vi.setConfig({ testTimeout: 120_000 * Math.max(1, moments / 4) });
const model = ["--task", "digits-rows", "--dims", "H=16", "--cell", "rnn=bnlstm", "--estimate", "1280"];
const smnist = "examples/smnist.cell";

/** Runs a command to its end, then again with a signal at random moments of that time, `threads` or not. */
async function disturb(
  args: (out: string) => readonly string[],
  folder: string,
  check: (ended: Ended, out: string, whole: string) => Promise<void>,
): Promise<void> {
  const whole = join(folder, "whole");
  const environment = { XDG_CACHE_HOME: join(folder, "cache") };
  const started = performance.now();
  expect((await cellc(args(whole), { environment })).code).toBe(0);
  const time = performance.now() - started;
  let slowest = 0;
  for (let i = 0; i < moments; i++) {
    const out = join(folder, `out${i}`);
    // The first part of the time is Node's own.
    const wait = (0.2 + 0.8 * Math.random()) * time;
    const interruptWhen = () => new Promise((done) => setTimeout(done, wait));
    const signal = Math.random() < 0.5 ? "SIGINT" : "SIGTERM";
    const ended = await cellc(args(out), { environment, interruptWhen, signal });
    // Null: ended by the signal itself, before there was anything to save. 0: it had ended already.
    expect([null, 0, 130], ended.stderr).toContain(ended.code);
    expect(ended.stderr).not.toContain("error");
    slowest = Math.max(slowest, ended.afterSignal ?? 0);
    await check(ended, out, whole);
  }
  if (process.env.CELLC_SIGNALS !== undefined)
    console.log(`${args("")[0]}: ${moments} signals, the slowest end after ${slowest.toFixed(0)} ms`);
}

const modelOf = (out: string) => readFile(join(out, "model.safetensors"));
const bestOf = (out: string) => readFile(join(out, "best.safetensors"));

const curveOf = async (out: string) =>
  (await readCurve(join(out, "curve.jsonl"))).map(({ seconds: _, ...point }) => point);

const begun = (out: string, record: string) =>
  readdir(out).then(
    (files) => files.includes(record),
    () => false,
  );

test.each([
  ["one thread", ["--threads", "1"]],
  [
    "two threads, averaged weights and batches added up",
    ["--threads", "2", "--ema", "0.9", "--accumulate", "2", "--decay", "plateau"],
  ],
])("train with %s saves, and goes on bit for bit", (_, more) =>
  withFolder((folder) => {
    // Many evaluations, so that signals come in the middle of some.
    const options = [...model, "--steps", "60", "--evaluate-every", "5", "--lr", "1e-2", ...more];
    const args = (out: string) => ["train", smnist, ...options, "--out", out];
    return disturb(args, folder, async (_, out, whole) => {
      const resumed = (await begun(out, "run.json")) ? ["--resume"] : [];
      const ended = await cellc([...args(out), ...resumed]);
      expect(ended.code, ended.stderr).toBe(0);
      expect((await modelOf(out)).equals(await modelOf(whole))).toBe(true);
      expect(await curveOf(out)).toEqual(await curveOf(whole));
    });
  }),
);

test("explore keeps its rows, and goes on bit for bit", () =>
  withFolder((folder) => {
    const options = [...model, "--sites", "hh", "--norms", "none,batch", "--budget", "20", "--workers", "2"];
    const args = (out: string) => ["explore", smnist, ...options, "--out", out];
    const rowsOf = async (out: string) => {
      const rows: unknown[] = [];
      const records = (await readdir(join(out, "rows"))).filter((name) => name.endsWith(".json"));
      for (const name of records.sort()) {
        const row = JSON.parse(await readFile(join(out, "rows", name), "utf8")) as RowRecord;
        rows.push([row.placement, row.result, row.points.map(({ seconds: _, ...point }) => point)]);
      }
      return rows;
    };
    return disturb(args, folder, async (_, out, whole) => {
      const resumed = (await begun(out, "explore.json")) ? ["--resume"] : [];
      const ended = await cellc([...args(out), ...resumed]);
      expect(ended.code, ended.stderr).toBe(0);
      expect(await rowsOf(out)).toEqual(await rowsOf(whole));
    });
  }));

test("tune keeps nothing", () =>
  withFolder((folder) => {
    const args = () => ["tune", "examples/cells/lstm.cell", "--dims", "D=8,H=16", "--time", "20"];
    return disturb(args, folder, async ({ code, stdout }) => {
      if (code === 130) expect(stdout).toBe("");
    });
  }));

test("eval and stats --estimate change nothing", () =>
  withFolder(async (folder) => {
    const run = join(folder, "run");
    const trained = await cellc(["train", smnist, ...model, "--steps", "3", "--evaluate-every", "3", "--out", run]);
    expect(trained.code).toBe(0);
    const before = await modelOf(run);
    const checkpoint = ["--checkpoint", join(run, "model.safetensors"), "--stats", "exact"];
    await mkdir(join(folder, "eval"));
    await disturb(
      () => ["eval", smnist, ...model, ...checkpoint],
      join(folder, "eval"),
      async ({ code, stdout }) => {
        if (code === 130) expect(stdout).toBe("");
        expect((await modelOf(run)).equals(before)).toBe(true);
      },
    );
    await mkdir(join(folder, "stats"));
    const copies: string[] = [];
    for (const name of ["whole", ...Array.from({ length: moments }, (_, i) => `out${i}`)]) {
      copies.push(join(folder, "stats", name));
      await cp(run, join(folder, "stats", name), { recursive: true });
    }
    await disturb(
      (out) => ["stats", out, "--estimate", "--batches", "40"],
      join(folder, "stats"),
      async (ended, out, whole) => {
        const kept = ended.code === 0 ? await bestOf(whole) : await bestOf(run);
        const found = await bestOf(out);
        // A signal may come when the file is written and the command has not ended.
        expect(found.equals(kept) || found.equals(await bestOf(whole))).toBe(true);
        expect((await modelOf(out)).equals(before)).toBe(true);
      },
    );
  }));
