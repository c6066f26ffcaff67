/**
 * How fast is this compiler beside others, at the same work in the same minutes? All contenders of a workload are started
 * and warmed up, and then take turns: A B C A B C …, so that whatever else the machine does meets them alike.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender, Form } from "./contenders.ts";
import { summarize, type Times } from "./measure.ts";
import { numbersFile } from "./numbers.ts";
import { Peer } from "./peer.ts";
import type { Check, Hello, Job, Prepared } from "./protocol.ts";
import { type Cell, isWanted, type Workload } from "./workloads.ts";

/** A measured cell of a contender, or why there is none. */
export interface Row {
  readonly workload: string;
  readonly contender: string;
  readonly threads: number;
  readonly cell: Cell;
  readonly form: string;
  /** Milliseconds of a run: of all T steps, forward and backward where it is training. */
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
}

export interface Settings {
  readonly repeats: number;
  /** Seconds for everything: slow contenders sit out rounds that would not fit their share. */
  readonly budget: number;
  /** Cases, cells or workloads; empty: all. */
  readonly only: readonly string[];
  /** Told what is going on. */
  readonly say: (line: string) => void;
}

/** A start or a run that takes longer is given up. The slowest run seen took 20 s. */
const LIMIT = 180_000;
/** A sample is as many runs as take so long, so that a run of a few milliseconds is not at the mercy of one interrupt. */
const SAMPLE = 100;
/** A sample of fewer milliseconds is not worth leaving out. */
const CHEAP = 1000;
/** Runs behind the first one and before the measured ones: engines compile what they find to be hot. */
const WARMUPS = 2;
/** A run of so many milliseconds has met all its code often enough to be warm after the first time. */
const WARM = 4000;
/** Of a workload's share, what is measured even where warming up took longer than it should. */
const MEASURED = 0.25;
/** Results farther apart are not the same computation: f32, summed in different orders over hundreds of steps. */
export const TOLERANCE = 1e-4;
/** Below that a loss is a sum that cancelled; it is compared as if it were so large. */
const LOSS_FLOOR = 0.1;

/** One row while it is being measured. */
interface Measurement {
  readonly row: Row;
  readonly key: string;
  readonly peer: Peer;
  readonly check: Check;
  /** Milliseconds of a run, as the last one had it. */
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
  const end = performance.now() + settings.budget * 1000;
  try {
    for (const [index, workload] of workloads.entries()) {
      const share = (end - performance.now()) / (workloads.length - index);
      const numbers = join(folder, `${workload.name}.safetensors`);
      writeFileSync(numbers, numbersFile(workload));
      rows.push(...(await measureWorkload(workload, contenders, numbers, Math.max(share, 0), facts, settings)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { rows, facts };
}

async function measureWorkload(
  workload: Workload,
  contenders: readonly Contender[],
  numbers: string,
  share: number,
  facts: Record<string, Hello["facts"]>,
  { repeats, only, say }: Settings,
): Promise<readonly Row[]> {
  const start = performance.now();
  const peers: Peer[] = [];
  const all: (Measurement | Row)[] = [];
  try {
    for (const contender of contenders) {
      const forms = contender.forms.filter(
        ({ cell, kinds }) => kinds.includes(workload.kind) && isWanted(only, cell, workload),
      );
      if (forms.length === 0) continue;
      const label = labelOf(contender);
      say(`${workload.name}: ${label} warms up`);
      try {
        const [peer, hello] = await Peer.start(contender, LIMIT);
        peers.push(peer);
        facts[label] = hello.facts;
        for (const form of forms)
          all.push(await enter(peer, rowOf(workload, contender, form), { ...workload, numbers }));
      } catch (thrown) {
        all.push(...forms.map((form) => ({ ...rowOf(workload, contender, form), error: messageOf(thrown) })));
      }
    }
    const runners = all.filter((row) => "samples" in row);
    // What warming up has left of the workload's share is divided evenly.
    const left = Math.max(MEASURED * share, share - (performance.now() - start));
    const each = left / Math.max(1, runners.length);
    for (let round = 0; round < repeats; round++) {
      say(`${workload.name}: round ${round + 1} of ${repeats}`);
      for (const runner of runners) if (takesPart(runner, each)) await sample(runner);
    }
  } finally {
    for (const peer of peers) peer.stop();
  }
  return all.map((row) => ("samples" in row ? finish(row, all, workload) : row));
}

/** `PyTorch, 2 threads` */
export function labelOf({ name, threads }: Pick<Contender, "name" | "threads">): string {
  return `${name}, ${threads} thread${threads > 1 ? "s" : ""}`;
}

function rowOf(workload: Workload, { name, threads }: Contender, form: Form): Row {
  return { workload: workload.name, contender: name, threads, cell: form.cell, form: form.name };
}

/** Has a peer build a cell and warm up with it; a row with the reason if it cannot. */
async function enter(peer: Peer, row: Row, work: Omit<Job, "cell" | "form">): Promise<Measurement | Row> {
  const { cell, form } = row;
  const key = `${cell} ${form}`;
  try {
    return await warmUp(row, key, peer, await peer.prepare(key, { ...work, cell, form }, LIMIT));
  } catch (thrown) {
    return { ...row, error: messageOf(thrown) };
  }
}

/** Runs it a few times unmeasured, until it is warm. */
async function warmUp(row: Row, key: string, peer: Peer, { ms, check, note }: Prepared): Promise<Measurement> {
  let estimate = ms;
  let times = 1;
  for (let k = 0; k < WARMUPS && estimate < WARM; k++) {
    estimate = await peer.run(key, times, LIMIT);
    times = Math.max(1, Math.ceil(SAMPLE / estimate));
  }
  return { row: { ...row, note }, key, peer, check, estimate, times, spent: 0, samples: [] };
}

/** Everyone takes part once; in later rounds whose next sample is cheap or fits the contender's share, in milliseconds. */
export function takesPart(
  { samples, spent, estimate, times, error }: Pick<Measurement, "samples" | "spent" | "estimate" | "times" | "error">,
  share: number,
): boolean {
  if (error !== undefined) return false;
  const next = estimate * times;
  return samples.length === 0 || next <= CHEAP || spent + next <= share;
}

async function sample(runner: Measurement): Promise<void> {
  try {
    const ms = await runner.peer.run(runner.key, runner.times, LIMIT);
    runner.samples.push(ms);
    runner.spent += ms * runner.times;
    runner.estimate = ms;
  } catch (thrown) {
    runner.error = messageOf(thrown);
  }
}

function finish(runner: Measurement, all: readonly (Measurement | Row)[], { T }: Workload): Row {
  const { row, samples, error, check } = runner;
  if (error !== undefined) return { ...row, error };
  const times = summarize(samples);
  const first = all.find((other) => "samples" in other && other.row.cell === row.cell) as Measurement;
  const difference = differenceOf(check, first.check);
  const result = { ...row, times, stepMicroseconds: (times.median * 1000) / T, difference };
  return difference <= TOLERANCE ? result : { ...result, error: "it computes something else" };
}

/** The largest difference of two results, relative to the larger's largest element; infinite if either is not finite. */
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
