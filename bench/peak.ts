/**
 * What can this machine do at most, in the instructions that our kernels have? Measures products and sums of vectors of 128 bits that
 * stay in registers, and reads of memory that no cache holds, on one thread and on several at once.
 *
 *     npx tsx bench/peak.ts [THREADS]
 */
import { pathToFileURL } from "node:url";
import type { KExpr, KStmt } from "../compiler/kernel-ir/types.ts";
import type { Backend } from "../runtime/backend.ts";
import { allowRelaxedSimd } from "../runtime/node/relaxed-simd.ts";
import { bestSimd } from "../runtime/wasm/module.ts";
import { wasmBackend } from "../runtime/wasm/wasm.ts";
import { type BareKernel, bareExecutable, bareKernel } from "./bare-kernel.ts";
import { machine, summarize, type Times, table } from "./measure.ts";

/**
 * Sums in registers. A fused multiply-add takes four cycles and two start in each, so eight would do; with the two factors, 16 registers
 * hold no more than 14.
 */
const SUMS = 12;
/** Multiply-adds of each sum in an iteration, so that the loop itself costs nothing. */
const TIMES = 4;
const ITERATIONS = 4_000_000;
/** Floats of a multiply-add of vectors, and operations. */
const [FLOATS, OPERATIONS] = [4, 2];
/** Floats of a cache line: each thread stores to its own. */
const LINE = 16;
/** Bytes that a thread reads: several times what its share of a cache holds. */
const READ_BYTES = 64 * 2 ** 20;

/** What was measured of so many threads at once. */
export interface Peak {
  readonly threads: number;
  /** Whether the multiply-adds are fused: the engine has relaxed vector instructions. */
  readonly fused: boolean;
  /** Of `runs` samples, 10⁹ operations on f32 a second of all threads together; a fused multiply-add is two. */
  readonly gflops: Times;
  /** 10⁹ bytes a second, read by all threads together. */
  readonly gigabytes: Times;
}

export interface PeakMeter {
  /** Takes one sample, of each number of threads. */
  sample(): Promise<void>;
  /** What was sampled since the last call. */
  take(): readonly Peak[];
  close(): void;
}

/** Opens threads and keeps them; between samples they sleep. */
export async function openPeakMeter(threadCounts: readonly number[]): Promise<PeakMeter> {
  allowRelaxedSimd();
  const opened = await Promise.all(threadCounts.map(openFor));
  return {
    async sample() {
      for (const one of opened) {
        one.gflops.push(await one.multiply());
        one.gigabytes.push(await one.read());
      }
    },
    take: () =>
      opened
        .filter(({ gflops }) => gflops.length > 0)
        .map(({ threads, gflops, gigabytes }) => ({
          ...{ threads, fused: bestSimd() === "relaxed" },
          ...{ gflops: summarize(gflops.splice(0)), gigabytes: summarize(gigabytes.splice(0)) },
        })),
    close() {
      for (const { backend } of opened) backend.close();
    },
  };
}

interface Opened {
  readonly threads: number;
  readonly backend: Backend;
  /** Each resolves with 10⁹ operations, or bytes, a second. */
  readonly multiply: () => Promise<number>;
  readonly read: () => Promise<number>;
  readonly gflops: number[];
  readonly gigabytes: number[];
}

async function openFor(threads: number): Promise<Opened> {
  const backend = wasmBackend({ threads, costs: { barrier: 0, start: 0 } });
  if (backend.threads !== threads) throw new Error(`memory cannot be shared between ${threads} threads here`);
  /** `amount` is what each thread does. */
  const rateOf = async (kernel: BareKernel, amount: number): Promise<() => Promise<number>> => {
    const executable = await backend.open(bareExecutable(kernel));
    await executable.prepare(1);
    // Memory that nobody has written is one page of zeros, which is in the cache.
    const { floats } = kernel;
    await executable.write({ region: "work", offset: 0, length: floats, stride: floats, count: 1 }, zeros(floats));
    // V8 compiles it anew when it has run for a while.
    for (let run = 0; run < 3; run++) await executable.run("infer", 1);
    return async () => {
      const start = performance.now();
      await executable.run("infer", 1);
      return (amount * threads) / (performance.now() - start) / 1e6;
    };
  };
  const operations = ITERATIONS * TIMES * SUMS * FLOATS * OPERATIONS;
  return {
    ...{ threads, backend, gflops: [], gigabytes: [] },
    multiply: await rateOf(bareKernel("multiply", threads, multiplyAdds(), LINE * threads), operations),
    read: await rateOf(bareKernel("read", threads, reads(), (READ_BYTES / 4) * threads), READ_BYTES),
  };
}

const zeros = (length: number): Float32Array => new Float32Array(length);

const int = (value: number): KExpr => ({ k: "int", value });
const times = (a: KExpr, b: number): KExpr => ({ k: "int2", op: "mul", a, b: int(b) });
const plus = (a: KExpr, b: KExpr): KExpr => ({ k: "int2", op: "add", a, b });
const splat = (value: number): KExpr => ({ k: "splat", a: { k: "float", value } });
const group: KExpr = { k: "group", axis: 0 };
const vector = (name: string): KExpr => ({ k: "var", name, type: "f32x4" });
const sums = Array.from({ length: SUMS }, (_, i) => `sum${i}`);
const work = { kind: "region", region: "work" } as const;

/** Sums that start apart, so that no two are one. */
const declared: readonly KStmt[] = sums.map((name, i) => ({ s: "var", name, type: "f32x4", value: splat(i) }));

/** The total goes to the workgroup's own place, so that nothing is unused. */
function stored(at: KExpr): KStmt {
  const total = sums.map(vector).reduce((a, b): KExpr => ({ k: "math", op: "add", type: "f32x4", args: [a, b] }));
  return { s: "store", memory: work, index: at, type: "f32x4", value: total };
}

const loop = (from: KExpr, to: KExpr, step: number, body: readonly KStmt[]): KStmt => ({
  ...{ s: "for", kind: "serial", name: "i", from, to, step, body },
});

/** A store is in a loop over lanes, of which a CPU has one. */
const lane = (body: readonly KStmt[]): readonly KStmt[] => [
  { s: "for", kind: "lanes", name: "lane", from: int(0), to: int(1), step: 1, body },
];

/** Factors come from memory, so that they are no constants; it holds zeros, and zero is no slower than others. */
function multiplyAdds(): readonly KStmt[] {
  const at = times(group, LINE);
  const factor = (name: string): KStmt => ({
    ...{ s: "let", name, type: "f32x4" },
    value: { k: "load", memory: work, index: at, type: "f32x4" },
  });
  const adds = Array.from({ length: TIMES }, () =>
    sums.map(
      (name): KStmt => ({
        ...{ s: "assign", name, type: "f32x4" },
        value: { k: "fma", type: "f32x4", a: vector("a"), b: vector("b"), c: vector(name) },
      }),
    ),
  ).flat();
  return lane([factor("a"), factor("b"), ...declared, loop(int(0), int(ITERATIONS), 1, adds), stored(at)]);
}

/** Each workgroup reads a part of its own, in order. */
function reads(): readonly KStmt[] {
  const part = READ_BYTES / 4;
  const i: KExpr = { k: "var", name: "i", type: "i32" };
  const adds = sums.map((name, k): KStmt => {
    const value: KExpr = { k: "load", memory: work, index: plus(i, int(k * FLOATS)), type: "f32x4" };
    return {
      s: "assign",
      name,
      type: "f32x4",
      value: { k: "math", op: "add", type: "f32x4", args: [vector(name), value] },
    };
  });
  const whole = part - (part % (SUMS * FLOATS));
  const from = times(group, part);
  return lane([...declared, loop(from, plus(from, int(whole)), SUMS * FLOATS, adds), stored(from)]);
}

/** The table of what was measured, for people. */
export function peakTable(peaks: readonly Peak[]): string {
  return table(
    ["threads", "GFLOP/s", "min", "max", "GB/s read", "min", "max"],
    peaks.map(({ threads, gflops: f, gigabytes: b }) => [
      String(threads),
      ...[f.median, f.min, f.max, b.median, b.min, b.max].map((n) => n.toFixed(1)),
    ]),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const most = Number(process.argv[2] ?? "2");
  const meter = await openPeakMeter(most === 1 ? [1] : [1, most]);
  for (let k = 0; k < 15; k++) await meter.sample();
  const here = machine();
  console.log(`${here.cpu}, ${here.cores} cores, ${here.platform}, Node ${here.node}; vectors: ${bestSimd()}\n`);
  console.log(peakTable(meter.take()));
  meter.close();
}
