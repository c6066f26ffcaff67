import type { Kernel } from "../../compiler/kernel-ir/types.ts";
import * as b from "./build.ts";
import type { Memory, Times } from "./run.ts";

/** A kernel written by hand, what memory holds before it, and in plain JavaScript what `work` holds after it. */
export interface Sample {
  readonly claim: string;
  readonly kernel: Kernel;
  readonly memory: Memory;
  readonly times?: Times;
  expected(memory: Memory, times: Times): Float32Array;
  /** Relative to the largest expected number; 0: to the bit. */
  readonly tolerance: number;
}

/** Numbers in [-1, 1) that look random. */
export const noise = (count: number, seed = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => (Math.imul(i + seed * 7919, 0x9e3779b1) >>> 8) / 2 ** 23 - 1);
const zeros = (count: number): Float32Array => new Float32Array(count);
const i = b.v("i");

const saxpy: Sample = {
  claim: "saxpy, shared out over lanes and workgroups",
  kernel: b.kernel({
    name: "saxpy",
    doc: "y = 2x + y over a flat array, 128 elements a workgroup.",
    grid: [4, 1, 1],
    body: [
      b.lanes("i", 0, 128, [
        b.bind("at", "i32", b.plus(b.times(b.group(0), 128), i)),
        b.store("work", b.v("at"), b.fma(b.f(2), b.load("input", b.v("at")), b.load("work", b.v("at")))),
      ]),
    ],
  }),
  memory: { input: noise(512), work: noise(512, 2) },
  expected: ({ input, work }) => work.map((y, at) => 2 * input[at] + y),
  tolerance: 1e-7,
};

const rowSums: Sample = {
  claim: "a reduction in a tile, with a barrier after every halving",
  kernel: b.kernel({
    name: "row_sums",
    doc: "The sum of each row of a [3, 64] array: a workgroup a row, halving in workgroup memory.",
    grid: [3, 1, 1],
    tiles: { partial: 64, unused: 3 },
    body: [
      b.lanes("i", 0, 64, [b.store("tile:partial", i, b.load("input", b.plus(b.times(b.group(0), 64), i)))]),
      b.barrier,
      b.variable("half", "i32", 32),
      b.serial("round", 0, 6, [
        b.lanes("i", 0, b.v("half"), [
          b.store(
            "tile:partial",
            i,
            b.math("add", b.load("tile:partial", i), b.load("tile:partial", b.plus(i, b.v("half")))),
          ),
        ]),
        b.assign("half", "i32", b.over(b.v("half"), 2)),
        b.barrier,
      ]),
      b.lanes("i", 0, 1, [b.store("work", b.group(0), b.load("tile:partial", 0))]),
    ],
  }),
  memory: { input: noise(192), work: zeros(3) },
  expected: ({ input }) =>
    Float32Array.from([0, 1, 2], (row) => input.slice(row * 64, row * 64 + 64).reduce((sum, x) => sum + x, 0)),
  tolerance: 1e-6,
};

const [M, K, N] = [8, 20, 24];
const rows = [0, 1, 2, 3] as const;
const matmul: Sample = {
  claim: "a matrix product in blocks of 4 rows and 8 columns, on f32x4",
  kernel: b.kernel({
    name: "matmul",
    doc: `C = A·B with A [${M}, ${K}] and B [${K}, ${N}]: a workgroup 4 rows, a lane 8 columns.`,
    grid: [M / 4, 1, 1],
    reads: ["param", "input"],
    body: [
      b.bind("row", "i32", b.times(b.group(0), 4)),
      b.lanes(
        "column",
        0,
        N,
        [
          ...rows.flatMap((r) => [0, 1].map((c) => b.variable(`sum_${r}_${c}`, "f32x4", b.splat(b.f(0))))),
          b.serial("k", 0, K, [
            ...[0, 1].map((c) =>
              b.bind(`b${c}`, "f32x4", b.load4("param", b.plus(b.plus(b.times(b.v("k"), N), b.v("column")), 4 * c))),
            ),
            ...rows.flatMap((r) => [
              b.bind(`a${r}`, "f32x4", b.splat(b.load("input", b.plus(b.times(b.plus(b.v("row"), r), K), b.v("k"))))),
              ...[0, 1].map((c) =>
                b.assign(`sum_${r}_${c}`, "f32x4", b.fma4(b.xv(`a${r}`), b.xv(`b${c}`), b.xv(`sum_${r}_${c}`))),
              ),
            ]),
          ]),
          ...rows.flatMap((r) =>
            [0, 1].map((c) =>
              b.store4(
                "work",
                b.plus(b.plus(b.times(b.plus(b.v("row"), r), N), b.v("column")), 4 * c),
                b.xv(`sum_${r}_${c}`),
              ),
            ),
          ),
        ],
        8,
      ),
    ],
  }),
  memory: { input: noise(M * K), param: noise(K * N, 3), work: zeros(M * N) },
  expected: ({ input, param }) =>
    Float32Array.from({ length: M * N }, (_, at) => {
      const [row, column] = [Math.floor(at / N), at % N];
      let sum = 0;
      for (let k = 0; k < K; k++) sum += input[row * K + k] * param[k * N + column];
      return sum;
    }),
  tolerance: 1e-6,
};

const branches: Sample = {
  claim: "if, else if and else, and a guard that keeps a load inside memory",
  kernel: b.kernel({
    name: "branches",
    doc: "Where i < 10: the square root of positive inputs, else minus one; 10 … 19: i; beyond: minus i.",
    body: [
      b.lanes("i", 0, 30, [
        b.when(
          b.and(
            b.compare("lt", i, 10),
            b.compare("gt", b.load("input", b.plus(i, b.times(b.most(b.minus(i, 9), 0), 6_000_000))), b.f(0)),
          ),
          [b.store("work", i, b.math("sqrt", b.load("input", i)))],
          [
            b.when(
              b.compare("lt", i, 10),
              [b.store("work", i, b.f(-1))],
              [
                b.comment("Neither: the index itself, and its sign."),
                b.bind("value", "f32", { k: "toFloat", a: i }),
                b.when(
                  b.compare("lt", i, 20),
                  [b.store("work", i, b.fv("value"))],
                  [b.store("work", i, b.math("neg", b.fv("value")))],
                ),
              ],
            ),
          ],
        ),
      ]),
    ],
  }),
  // From i = 10 on the guarded load lies far outside memory.
  memory: { input: noise(10), work: zeros(30) },
  expected: ({ input }) =>
    Float32Array.from({ length: 30 }, (_, at) =>
      at < 10 ? (input[at] > 0 ? Math.sqrt(input[at]) : -1) : at < 20 ? at : -at,
    ),
  tolerance: 1e-6,
};

const triangle: Sample = {
  claim: "nested serial loops, the inner one's bounds the outer one's variable",
  kernel: b.kernel({
    name: "triangle",
    doc: "The sum over j ≤ i and over every third k in j … i of input[16 i + 3 j + k].",
    body: [
      b.lanes("i", 0, 16, [
        b.variable("sum", "f32", b.f(0)),
        b.serial("j", 0, b.plus(i, 1), [
          b.serial(
            "k",
            b.v("j"),
            b.least(i, 14),
            [
              b.assign(
                "sum",
                "f32",
                b.math(
                  "add",
                  b.fv("sum"),
                  b.load("input", b.plus(b.plus(b.times(i, 16), b.times(b.v("j"), 3)), b.v("k"))),
                ),
              ),
            ],
            3,
          ),
        ]),
        b.store("work", i, b.fv("sum")),
      ]),
    ],
  }),
  memory: { input: noise(400), work: zeros(16) },
  expected: ({ input }) =>
    Float32Array.from({ length: 16 }, (_, at) => {
      let sum = 0;
      for (let j = 0; j <= at; j++) for (let k = j; k < Math.min(at, 14); k += 3) sum += input[at * 16 + j * 3 + k];
      return sum;
    }),
  tolerance: 1e-6,
};

const frame = 32;
const step: Sample = {
  claim: "a step reads the frame before its own by the uniform t",
  kernel: b.kernel({
    name: "step",
    doc: "h' = tanh(h / 2 + x), from frame t to frame t + 1.",
    reads: ["input"],
    body: [
      b.lanes("i", 0, frame, [
        b.bind("h", "f32", b.load("work", b.plus(b.times(b.t, frame), i))),
        b.bind("x", "f32", b.load("input", b.plus(b.plus(b.times(b.t, frame), 16), i))),
        b.store(
          "work",
          b.plus(b.plus(b.times(b.plus(b.t, 1), frame), 0), i),
          b.math("tanh", b.fma(b.fv("h"), b.f(0.5), b.fv("x"))),
        ),
      ]),
    ],
  }),
  memory: { input: noise(5 * frame), work: noise(5 * frame, 4) },
  times: { t: 2, T: 4 },
  expected: ({ input, work }, { t }) =>
    work.map((before, at) =>
      Math.floor(at / frame) === t + 1
        ? Math.tanh(0.5 * work[at - frame] + input[t * frame + 16 + (at % frame)])
        : before,
    ),
  tolerance: 1e-6,
};

const reversed: Sample = {
  claim: "a loop over all T steps backwards, each reading what the one before stored",
  kernel: b.kernel({
    name: "backwards",
    doc: "From t = T − 1 to 0: work[t] = input[t] + work[t + 1] / 2, frames of 8.",
    lanes: 32,
    body: [
      b.serial("s", 0, b.T, [
        b.lanes("i", 0, 8, [
          b.bind("at", "i32", b.plus(b.times(b.minus(b.minus(b.T, 1), b.v("s")), 8), i)),
          b.store(
            "work",
            b.v("at"),
            b.fma(
              b.load("work", b.plus(b.v("at"), 8)),
              b.f(0.5),
              b.load("input", b.plus(b.times(b.minus(b.minus(b.T, 1), b.v("s")), 8), i)),
            ),
          ),
        ]),
        b.barrier,
      ]),
    ],
  }),
  memory: { input: noise(56), work: zeros(64) },
  times: { t: 0, T: 7 },
  expected: ({ input }) => {
    const work = zeros(64);
    for (let at = 55; at >= 0; at--) work[at] = input[at] + work[at + 8] / 2;
    return work;
  },
  tolerance: 1e-6,
};

const stretch: Sample = {
  claim: "workgroups that follow each other, one by one or as one",
  kernel: b.kernel({
    name: "stretch",
    doc: "Each workgroup has three elements, the last one two.",
    lanes: 1,
    grid: [7, 1, 1],
    body: [
      b.lanes("i", b.times(b.group(0), 3), b.least(b.times(b.groupEnd, 3), 20), [
        b.store("work", b.v("i"), b.math("add", b.load("work", b.v("i")), b.load("input", b.v("i")))),
      ]),
    ],
  }),
  memory: { input: noise(20), work: noise(20) },
  expected: ({ input }) => input.map((y) => 2 * y),
  tolerance: 0,
};

const grid: Sample = {
  claim: "a grid in three axes, one of them as long as the sequence",
  kernel: {
    ...b.kernel({
      name: "grid",
      doc: "Every workgroup writes its own number.",
      lanes: 1,
      reads: [],
      body: [
        b.bind("row", "i32", b.plus(b.times(b.group(2), 4), b.group(1))),
        b.lanes("i", 0, 1, [
          b.store("work", b.plus(b.times(b.v("row"), 3), b.group(0)), {
            k: "toFloat",
            a: b.plus(b.plus(b.times(b.group(0), 100), b.times(b.group(1), 10)), b.group(2)),
          }),
        ]),
      ],
    }),
    grid: [
      { fixed: 3, perStep: 0 },
      { fixed: 4, perStep: 0 },
      { fixed: 1, perStep: 2 },
    ],
  },
  memory: { work: zeros(60) },
  times: { t: 0, T: 2 },
  expected: () =>
    Float32Array.from({ length: 60 }, (_, at) => (at % 3) * 100 + (Math.floor(at / 3) % 4) * 10 + Math.floor(at / 12)),
  tolerance: 0,
};

const vectors: Sample = {
  claim: "parts of vectors: built of four, taken apart, summed and maximised across, gathered by index",
  kernel: b.kernel({
    name: "vectors",
    doc: "For each index n in input: four numbers of stat from 4n on, their sum, maximum and last but one, reversed and scaled.",
    reads: ["input", "stat"],
    tiles: { four: 4, pad: 5 },
    body: [
      b.lanes("i", 0, 6, [
        b.bind("n", "i32", { k: "toInt", a: b.load("input", i) }),
        b.bind("x", "f32x4", b.load4("stat", b.times(b.v("n"), 4))),
        b.bind("turned", "f32x4", {
          k: "vec4",
          lanes: [3, 2, 1, 0].map((at) => ({ k: "extract", a: b.xv("x"), lane: at })) as never,
        }),
        b.store4(
          "work",
          b.times(i, 8),
          b.math4("mul", b.xv("turned"), { k: "vec4", lanes: [b.f(1), b.f(2), b.f(3), b.f(-4)] }),
        ),
        b.store("work", b.plus(b.times(i, 8), 4), { k: "across", op: "add", a: b.xv("x") }),
        b.store("work", b.plus(b.times(i, 8), 5), { k: "across", op: "max", a: b.xv("x") }),
        b.store("work", b.plus(b.times(i, 8), 6), { k: "extract", a: b.xv("x"), lane: 2 }),
        b.store("work", b.plus(b.times(i, 8), 7), { k: "toFloat", a: b.rem(b.v("n"), 3) }),
      ]),
    ],
  }),
  memory: { input: Float32Array.of(4, 0, 2, 1, 3, 4), stat: noise(20), work: zeros(48) },
  expected: ({ input, stat }) =>
    Float32Array.from(
      [...input].flatMap((n) => {
        const x = stat.slice(4 * n, 4 * n + 4);
        return [x[3], 2 * x[2], 3 * x[1], -4 * x[0], x[0] + x[1] + x[2] + x[3], Math.max(...x), x[2], n % 3];
      }),
    ),
  tolerance: 1e-6,
};

export const samples: readonly Sample[] = [
  saxpy,
  rowSums,
  matmul,
  branches,
  triangle,
  step,
  reversed,
  stretch,
  grid,
  vectors,
];
