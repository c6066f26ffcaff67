/**
 * SIGKILL, SIGTERM and SIGINT at random moments of commands that write: whatever is in the folder then can be read, and going on
 * ends where a command that nothing happened to ends, bit for bit. Two that go on in one folder at once: one is refused.
 */
import { existsSync } from "node:fs";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import type { RowRecord } from "../../../cli/explore/row.ts";
import { type CurvePoint, readCurve } from "../../../cli/report/curve-log.ts";
import { decodeCheckpoint } from "../../../runtime/checkpoint.ts";
import type { Ended } from "../../cli/run-cellc.ts";
import { start } from "../command.ts";
import { contentsOf } from "../folder-contents.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import { exploreArgs, trainArgs, writeCell } from "../run-case.ts";
import { inNewFolder, newFolder } from "../scratch.ts";
import { verdictOfCommand } from "../verdict.ts";

const STEPS = 40;
const BUDGET = 8;

const signals = ["SIGKILL", "SIGKILL", "SIGTERM", "SIGINT"] as const;

/** When each signal comes, as a fraction of the time that the command takes undisturbed; above 1 it has usually ended. */
interface Moment {
  readonly part: number;
  readonly signal: (typeof signals)[number];
}

/** What is done to one kind of command. */
interface Scene {
  readonly weight: number;
  readonly attempt: (moments: readonly Moment[]) => Promise<Verdict>;
}

const training: Scene = {
  weight: 5,
  attempt: (moments) =>
    inNewFolder(async (folder) => {
      const { cell, model, points, seconds } = await undisturbedTraining();
      const out = join(folder, "run");
      for (const [nth, moment] of moments.entries()) {
        const resume = nth > 0 && existsSync(join(folder, "run/run.json"));
        const ended = await disturbed(trainArgs(cell, out, STEPS, ...(resume ? ["--resume"] : [])), moment, seconds);
        const failed = wentWrong(ended, "train") ?? (await unreadable(out));
        if (failed !== undefined) return failed;
      }
      const resume = existsSync(join(folder, "run/run.json"));
      const ended = await start(trainArgs(cell, out, STEPS, ...(resume ? ["--resume"] : []))).ended;
      if (ended.code !== 0) return asFailure(ended, "a run that was stopped cannot go on");
      return endsAs({ model, points }, out);
    }),
};

const together: Scene = {
  weight: 1,
  attempt: ([{ part }]) =>
    inNewFolder(async (folder) => {
      const { cell, model, points, seconds } = await undisturbedTraining();
      const out = join(folder, "run");
      const first = await disturbed(trainArgs(cell, out, STEPS), { part: 0.5 + part / 2, signal: "SIGKILL" }, seconds);
      const failed = wentWrong(first, "train");
      if (failed !== undefined || !existsSync(join(folder, "run/run.json"))) return failed ?? accepted;
      const both = await Promise.all([1, 2].map(() => start(trainArgs(cell, out, STEPS, "--resume")).ended));
      const done = both.filter(({ code }) => code === 0);
      const refused = both.filter((ended) => verdictOfCommand(ended).outcome === "refused");
      if (done.length + refused.length < 2) return asFailure(both.find(({ code }) => code !== 0)!, "one of two fails");
      // One may begin when the other has ended, and then has nothing left to do.
      return done.length === 0 ? wrong("two that go on at once are both refused") : endsAs({ model, points }, out);
    }),
};

const estimating: Scene = {
  weight: 2,
  attempt: ([moment]) =>
    inNewFolder(async (folder) => {
      const { out: trained } = await undisturbedTraining();
      const out = join(folder, "run");
      await cp(trained, out, { recursive: true });
      const model = join(out, "model.safetensors");
      const { estimated, seconds } = await undisturbedEstimate();
      const before = await readFile(model);
      const ended = await disturbed(estimateArgs(out), moment, seconds);
      const failed = wentWrong(ended, "stats");
      if (failed !== undefined) return failed;
      const found = await readFile(model);
      if (!found.equals(before) && !found.equals(estimated))
        return wrong("the checkpoint is neither the old one nor the new one");
      const again = await start(estimateArgs(out)).ended;
      if (again.code !== 0) return asFailure(again, "statistics cannot be estimated again");
      return (await readFile(model)).equals(estimated) ? accepted : wrong("the second estimate is another");
    }),
};

const exploring: Scene = {
  weight: 1,
  attempt: (moments) =>
    inNewFolder(async (folder) => {
      const { cell, rows, seconds } = await undisturbedExploration();
      const out = join(folder, "out");
      for (const moment of moments) {
        const resume = existsSync(join(folder, "out/explore.json"));
        const ended = await disturbed(exploreArgs(cell, out, BUDGET, ...(resume ? ["--resume"] : [])), moment, seconds);
        const failed = wentWrong(ended, "explore");
        if (failed !== undefined) return failed;
      }
      const resume = existsSync(join(folder, "out/explore.json"));
      const ended = await start(exploreArgs(cell, out, BUDGET, ...(resume ? ["--resume"] : []))).ended;
      if (ended.code !== 0) return asFailure(ended, "an exploration that was stopped cannot go on");
      return (await rowsIn(out)) === rows
        ? accepted
        : wrong("the rows are others than those of an exploration that nobody stopped");
    }),
};

const scenes: Readonly<Record<string, Scene>> = { training, together, estimating, exploring };
const names = Object.entries(scenes).flatMap(([name, { weight }]) => new Array<string>(weight).fill(name));

export const kill: Fuzzer = {
  name: "kill",
  tries: "signals at random moments: the folder can be read, and going on ends bit for bit as if nothing had been",
  seconds: 180,
  make(random): Case {
    const name = random.pick(names);
    const moments = Array.from({ length: 1 + random.below(3) }, (): Moment => {
      return { part: 1.05 * random.fraction(), signal: random.pick(signals) };
    });
    return {
      files: { "moments.json": JSON.stringify({ scene: name, moments }) },
      attempt: () => scenes[name].attempt(moments),
    };
  },
};

/** Runs a command and sends it a signal. */
async function disturbed(args: readonly string[], { part, signal }: Moment, seconds: number): Promise<Ended> {
  const { child, ended } = start(args);
  const stop = new AbortController();
  const sent = after(1000 * part * seconds, undefined, { signal: stop.signal }).then(
    () => child.kill(signal),
    () => false,
  );
  const result = await ended;
  stop.abort();
  await sent;
  return result;
}

/** What is wrong with how a command that got a signal ended: by the signal, by itself, or as documented for Ctrl-C. */
function wentWrong(ended: Ended, command: string): Verdict | undefined {
  if (ended.code === null || ended.code === 0 || ended.code === 130) return undefined;
  return asFailure(ended, `${command} was stopped`);
}

function asFailure(ended: Ended, words: string): Verdict {
  const verdict = verdictOfCommand(ended);
  const why = "why" in verdict ? verdict.why : `exit code ${ended.code}: ${ended.stderr.slice(-300)}`;
  return { outcome: "crashed", why: `${words}: ${why}` };
}

/** What of a run's folder cannot be read. */
async function unreadable(out: string): Promise<Verdict | undefined> {
  const there = await contentsOf(out).catch(() => new Map<string, Buffer>());
  try {
    const [record, model] = [there.get("run.json"), there.get("model.safetensors")];
    if (record !== undefined) JSON.parse(record.toString());
    if (model !== undefined) decodeCheckpoint(model);
    if (there.has("curve.jsonl")) await readCurve(join(out, "curve.jsonl"));
    return undefined;
  } catch (thrown) {
    return wrong(`what a stopped run leaves cannot be read: ${String(thrown)}`);
  }
}

/** A point without what depends on the machine or its speed. */
const timeless = ({ seconds: _, ...point }: CurvePoint): string => JSON.stringify(point);

interface End {
  readonly model: Buffer;
  readonly points: readonly string[];
}

async function endOf(out: string): Promise<End> {
  const points = await readCurve(join(out, "curve.jsonl"));
  return { model: await readFile(join(out, "model.safetensors")), points: points.map(timeless) };
}

async function endsAs(end: End, out: string): Promise<Verdict> {
  const found = await endOf(out);
  if (!found.model.equals(end.model)) return wrong("the run that was stopped ends with another checkpoint");
  // A run that is stopped on demand has no evaluation of its own there, but every step's loss.
  const lost = end.points.find((point) => !found.points.includes(point));
  if (lost !== undefined) return wrong(`the curve lacks a point\n${lost}`);
  if (found.points.length !== end.points.length) return wrong("the curve has a point twice");
  const left = (await readdir(out)).find((name) => name.endsWith(".part"));
  return left === undefined ? accepted : wrong(`half a file is left\n${left}`);
}

async function timed(args: readonly string[]): Promise<number> {
  const begun = performance.now();
  const { code, stderr } = await start(args).ended;
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
  return (performance.now() - begun) / 1000;
}

/** Makes something at the first call. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const undisturbedTraining = once(async () => {
  const folder = await newFolder();
  const [cell, out] = [await writeCell(folder), join(folder, "run")];
  const seconds = await timed(trainArgs(cell, out, STEPS));
  return { cell, out, seconds, ...(await endOf(out)) };
});

const estimateArgs = (out: string): readonly string[] => ["stats", out, "--estimate", "--batches", "20"];

const undisturbedEstimate = once(async () => {
  const { out: trained } = await undisturbedTraining();
  const out = join(await newFolder(), "run");
  await cp(trained, out, { recursive: true });
  const seconds = await timed(estimateArgs(out));
  return { seconds, estimated: await readFile(join(out, "model.safetensors")) };
});

const undisturbedExploration = once(async () => {
  const folder = await newFolder();
  const [cell, out] = [await writeCell(folder), join(folder, "out")];
  const seconds = await timed(exploreArgs(cell, out, BUDGET));
  return { cell, seconds, rows: await rowsIn(out) };
});

/** The rows of an exploration without what they cost. */
async function rowsIn(out: string): Promise<string> {
  const rows = [...(await contentsOf(join(out, "rows")))].filter(([name]) => name.endsWith(".json"));
  return rows
    .map(([name, bytes]) => {
      const { number, placement, outcome, points, result } = JSON.parse(bytes.toString()) as RowRecord;
      return JSON.stringify({ name, number, placement, outcome, points: points.map(timeless), result });
    })
    .join("\n");
}
