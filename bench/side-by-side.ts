/**
 * How fast is this compiler compared with others, at the same work in the same minutes? All contenders of a workload are started
 * and warmed up. Then they take turns, A B C A B C …, so that other work on the machine affects all of them alike.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender, Form } from "./contenders.ts";
import { summarize, type Times } from "./measure.ts";
import { numbersFile } from "./numbers.ts";
import type { Peak, PeakMeter } from "./peak.ts";
import { Peer } from "./peer.ts";
import type { Check, Hello, Job, Prepared } from "./protocol.ts";
import { type Cell, isWanted, type Workload } from "./workloads.ts";

/** A measured cell of a contender, or why there is none. */
export interface Row {
  readonly workload: string;
  readonly contender: string;
  readonly threads: number;
  readonly use?: string;
  readonly cell: Cell;
  readonly form: string;
  /** Milliseconds of a run: all T steps, forward and, in training, backward. */
  readonly times?: Times;
  /** Microseconds of a step: the median over T. */
  readonly stepMicroseconds?: number;
  /** Largest relative difference from the first contender that computed the same cell; 0 for that one. */
  readonly difference?: number;
  readonly note?: string;
  readonly error?: string;
}

export interface SideBySide {
  readonly rows: readonly Row[];
  /** Versions and the like, by contender. */
  readonly facts: Readonly<Record<string, Hello["facts"]>>;
  /** What the machine could do at most, by workload, if a meter took turns with the contenders. */
  readonly peaks: Readonly<Record<string, readonly Peak[]>>;
}

export interface Settings {
  readonly repeats: number;
  /** Seconds for everything. Slow contenders sit out rounds that would exceed their share. */
  readonly budget: number;
  /** Cases, cells or workloads; empty: all. */
  readonly only: readonly string[];
  /** Called with progress messages. */
  readonly say: (line: string) => void;
  /**
   * Seconds after which nothing goes on: what is under way is stopped, and rows that are not finished say so. Default: never, since
   * `budget` only divides the time.
   */
  readonly deadline?: number;
  /** Seconds after which a start or a run is stopped, and its peer with it. Default: 180. */
  readonly limit?: number;
  /** Called with all rows so far whenever there are more, or more samples of one. */
  readonly progress?: (rows: readonly Row[]) => Promise<void>;
  /** Takes its turn before the first round, between rounds, and after the last. */
  readonly meter?: PeakMeter;
}

/** Time limit of a start or a run, in seconds. The slowest run seen took 20 s. */
const LIMIT = 180;

/** How long a start or a run may take now, in milliseconds. Throws when the deadline has passed. */
type Limit = () => number;

function limitOf({ deadline = Number.POSITIVE_INFINITY, limit = LIMIT }: Settings): Limit {
  const end = performance.now() + deadline * 1000;
  return () => {
    const left = end - performance.now();
    if (left <= 0) throw new Error("the time was up");
    return Math.min(limit * 1000, left);
  };
}
/** A sample repeats runs for this many milliseconds, so that one interrupt does not spoil a run of a few milliseconds. */
const SAMPLE = 100;
/** A sample below this many milliseconds is always taken. */
const CHEAP = 1000;
/** Warm-up runs after the first run and before the measured ones, in which engines compile hot code. */
const WARMUPS = 2;
/** A run of this many milliseconds has executed all its code often enough to be warm after the first time. */
const WARM = 4000;
/** The least part of a workload's share for measuring, even if warming up took too long. */
const MEASURED = 0.25;
/** Results that differ by more are not the same computation. In f32, different orders of summation over hundreds of steps differ by less. */
export const TOLERANCE = 1e-4;
/** A smaller loss is a sum that cancelled. Its error is taken relative to this value. */
const LOSS_FLOOR = 0.1;

/** A row that is being measured. */
interface Measurement {
  readonly row: Row;
  readonly key: string;
  readonly peer: Peer;
  readonly check: Check;
  /** Milliseconds of the latest run. */
  estimate: number;
  /** Runs in a sample. */
  times: number;
  /** Milliseconds spent on measured samples. */
  spent: number;
  readonly samples: number[];
  error?: string;
}

/** Measures every wanted form of every contender on every workload. */
export async function sideBySide(
  workloads: readonly Workload[],
  contenders: readonly Contender[],
  settings: Settings,
): Promise<SideBySide> {
  const folder = mkdtempSync(join(tmpdir(), "cellc-bench-"));
  const facts: Record<string, Hello["facts"]> = {};
  const rows: Row[] = [];
  const peaks: Record<string, readonly Peak[]> = {};
  const end = performance.now() + settings.budget * 1000;
  const limit = limitOf(settings);
  try {
    for (const [index, workload] of workloads.entries()) {
      const share = (end - performance.now()) / (workloads.length - index);
      const numbers = join(folder, `${workload.name}.safetensors`);
      writeFileSync(numbers, numbersFile(workload));
      const progress = async (now: readonly Row[]): Promise<void> => settings.progress?.([...rows, ...now]);
      const within = { numbers, share: Math.max(share, 0), limit, facts };
      rows.push(...(await measureWorkload(workload, contenders, within, { ...settings, progress })));
      if (settings.meter) peaks[workload.name] = settings.meter.take();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { rows, facts, peaks };
}

interface Within {
  /** The file of the workload's numbers. */
  readonly numbers: string;
  /** Milliseconds for this workload. */
  readonly share: number;
  readonly limit: Limit;
  /** What peers say of themselves, to be added to. */
  readonly facts: Record<string, Hello["facts"]>;
}

async function measureWorkload(
  workload: Workload,
  contenders: readonly Contender[],
  { numbers, share, limit, facts }: Within,
  { repeats, only, say, meter, progress }: Settings,
): Promise<readonly Row[]> {
  const start = performance.now();
  const peers: Peer[] = [];
  const all: (Measurement | Row)[] = [];
  const finished = (): readonly Row[] => all.map((row) => ("samples" in row ? finish(row, all, workload) : row));
  try {
    for (const contender of contenders) {
      const forms = contender.forms.filter(
        ({ cell, kinds }) => kinds.includes(workload.kind) && isWanted(only, cell, workload),
      );
      if (forms.length === 0) continue;
      const label = labelOf(contender);
      say(`${workload.name}: ${label} warms up`);
      try {
        const [peer, hello] = await Peer.start(contender, limit());
        peers.push(peer);
        facts[label] = hello.facts;
        for (const form of forms)
          all.push(await enter(peer, rowOf(workload, contender, form), { ...workload, numbers }, limit));
      } catch (thrown) {
        all.push(...forms.map((form) => ({ ...rowOf(workload, contender, form), error: messageOf(thrown) })));
      }
      await progress?.(finished());
    }
    const runners = all.filter((row) => "samples" in row);
    // The rest of the workload's share, after warming up, is divided evenly.
    const left = Math.max(MEASURED * share, share - (performance.now() - start));
    const each = left / Math.max(1, runners.length);
    for (let round = 0; round < repeats; round++) {
      say(`${workload.name}: round ${round + 1} of ${repeats}`);
      await meter?.sample();
      for (const runner of runners) if (takesPart(runner, each)) await sample(runner, limit);
      await progress?.(finished());
    }
    await meter?.sample();
  } finally {
    for (const peer of peers) peer.stop();
  }
  return finished();
}

/** `PyTorch, 2 threads for products` */
export function labelOf({ name, threads, use }: Pick<Contender, "name" | "threads" | "use">): string {
  return `${name}, ${threads} thread${threads > 1 ? "s" : ""}${use === undefined ? "" : ` ${use}`}`;
}

function rowOf(workload: Workload, { name, threads, use }: Contender, form: Form): Row {
  return { workload: workload.name, contender: name, threads, use, cell: form.cell, form: form.name };
}

/** Makes a peer build a cell and warm up. Returns a row with the reason if it cannot. */
async function enter(peer: Peer, row: Row, work: Omit<Job, "cell" | "form">, limit: Limit): Promise<Measurement | Row> {
  const { cell, form } = row;
  const key = `${cell} ${form}`;
  try {
    return await warmUp(row, key, peer, await peer.prepare(key, { ...work, cell, form }, limit()), limit);
  } catch (thrown) {
    return { ...row, error: messageOf(thrown) };
  }
}

/** Runs a cell a few times without measuring, until it is warm. */
async function warmUp(
  row: Row,
  key: string,
  peer: Peer,
  { ms, check, note }: Prepared,
  limit: Limit,
): Promise<Measurement> {
  let estimate = ms;
  let times = 1;
  for (let k = 0; k < WARMUPS && estimate < WARM; k++) {
    estimate = await peer.run(key, times, limit());
    times = Math.max(1, Math.ceil(SAMPLE / estimate));
  }
  return { row: { ...row, note }, key, peer, check, estimate, times, spent: 0, samples: [] };
}

/** Whether to take another sample: the first always, later ones if they are cheap or fit the contender's share, in milliseconds. */
export function takesPart(
  { samples, spent, estimate, times, error }: Pick<Measurement, "samples" | "spent" | "estimate" | "times" | "error">,
  share: number,
): boolean {
  if (error !== undefined) return false;
  const next = estimate * times;
  return samples.length === 0 || next <= CHEAP || spent + next <= share;
}

async function sample(runner: Measurement, limit: Limit): Promise<void> {
  try {
    const ms = await runner.peer.run(runner.key, runner.times, limit());
    runner.samples.push(ms);
    runner.spent += ms * runner.times;
    runner.estimate = ms;
  } catch (thrown) {
    runner.error = messageOf(thrown);
  }
}

function finish(runner: Measurement, all: readonly (Measurement | Row)[], { T }: Workload): Row {
  const { row, samples, error, check } = runner;
  // What was measured until something went wrong is a measurement.
  if (samples.length === 0) return { ...row, error: error ?? "it had no turn" };
  const times = summarize(samples);
  const first = all.find((other) => "samples" in other && other.row.cell === row.cell) as Measurement;
  const difference = differenceOf(check, first.check);
  const result = { ...row, times, stepMicroseconds: (times.median * 1000) / T, difference };
  if (difference > TOLERANCE) return { ...result, error: "it computes something else" };
  return error === undefined ? result : { ...result, note: `after ${samples.length} runs: ${error}` };
}

/** The largest difference of two results, relative to b's largest element; infinite if either is not finite. */
export function differenceOf(a: Check, b: Check): number {
  const size = Math.max(...b.values.map(Math.abs));
  const values = Math.max(...b.values.map((value, i) => Math.abs(value - a.values[i]))) / size;
  const [one, other] = [a, b].map(({ loss = 0 }) => loss);
  const loss = Math.abs(one - other) / Math.max(Math.abs(other), LOSS_FLOOR);
  const worst = Math.max(values, loss);
  return Number.isNaN(worst) || a.values.length !== b.values.length ? Number.POSITIVE_INFINITY : worst;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
