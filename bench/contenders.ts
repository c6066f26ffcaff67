/** The contenders: this compiler's targets and the peers, and the ways in which each can write each cell. */
import { fileURLToPath } from "node:url";
import { plainTargets, targets } from "../cli/targets.ts";
import type { Cell, Kind } from "./workloads.ts";

/** A way to write a cell. */
export interface Form {
  readonly cell: Cell;
  readonly name: string;
  readonly kinds: readonly Kind[];
}

export interface Contender {
  /** Its name for `--peers`. */
  readonly peer: string;
  /** Its name in the table. */
  readonly name: string;
  readonly threads: number;
  /** What the threads are for, where that can be chosen: `for products`. */
  readonly use?: string;
  readonly command: readonly string[];
  /** Environment variables to set for the process; undefined removes one. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly forms: readonly Form[];
}

const all: readonly Kind[] = ["train", "stream", "sequence"];
const inference: readonly Kind[] = ["stream", "sequence"];

const compiled: readonly Form[] = (["bnlstm", "lstm", "lnlstm"] as const).map((cell) => ({
  cell,
  name: "compiled",
  kinds: all,
}));

const file = (name: string): string => fileURLToPath(new URL(`peers/${name}`, import.meta.url));
/** Runs a peer with tsx, because the code that all peers share is TypeScript. */
const script = (name: string, ...args: readonly (string | number)[]): readonly string[] => [
  process.execPath,
  "--import",
  "tsx",
  file(name),
  ...args.map(String),
];

/** The system's Python, which has Debian's PyTorch. Another one may come first on the path. */
const python = "/usr/bin/python3";

/** Environment variables that tell linear algebra libraries which processor or how many threads to use. */
const libraryVariables = /^(OPENBLAS|GOTO|NVPL|MKL|OMP|KMP|BLIS|VECLIB|ATEN)_/;

/** Such variables in an environment. They are removed so that PyTorch chooses for itself; only the number of threads is set. */
export function libraryOverrides(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.keys(environment)
    .filter((name) => libraryVariables.test(name))
    .sort();
}

/** Threads of PyTorch's two pools: OpenBLAS has one for products, and OpenMP runs all other ops. */
interface Pools {
  readonly products: number;
  readonly others: number;
  readonly use?: string;
}

/**
 * Several threads belong to one pool or the other. Threads of both wait for their next work busily, and with both pools full there
 * are more of them than cores: a step then takes several times as long as with one thread (`NOTES.md`).
 */
const torchPools = (threads: number): readonly Pools[] =>
  threads === 1
    ? [{ products: 1, others: 1 }]
    : [
        { products: threads, others: 1, use: "for products" },
        { products: 1, others: threads, use: "for all but products" },
      ];

const torch = (threads: number, { products, others, use }: Pools, cleared: Contender["environment"]): Contender => ({
  ...{ peer: "torch", name: "PyTorch", threads, use },
  command: [python, file("torch_bench.py"), String(others)],
  environment: { ...cleared, OMP_NUM_THREADS: String(others), OPENBLAS_NUM_THREADS: String(products) },
  forms: [
    { cell: "bnlstm", name: "eager", kinds: all },
    { cell: "bnlstm", name: "TorchScript", kinds: all },
    { cell: "bnlstm", name: "exported", kinds: all },
    // A scripted module has its sequence alone.
    { cell: "bnlstm", name: "exported, TorchScript", kinds: ["train", "sequence"] },
    { cell: "lstm", name: "nn.LSTM", kinds: all },
    { cell: "lstm", name: "exported", kinds: all },
  ],
});

/** The same models in the native library and in the package for the web; `where` is a number of threads or `webgpu`. */
function onnx(peer: "onnx" | "onnx-web", name: string, where: number | "webgpu"): Omit<Contender, "threads"> {
  return {
    ...{ peer, name, command: script(`${peer}.mjs`, where), environment: {} },
    forms: [
      { cell: "lstm", name: "LSTM", kinds: inference },
      { cell: "lstm", name: "Scan", kinds: ["sequence"] },
      { cell: "bnlstm", name: "Scan", kinds: ["sequence"] },
    ],
  };
}

/** All contenders, with each number of threads if it can be chosen. */
export function contenders(
  threads: readonly number[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly Contender[] {
  const cleared = Object.fromEntries(libraryOverrides(environment).map((name) => [name, undefined]));
  const each = (make: (threads: number) => Omit<Contender, "threads">): readonly Contender[] =>
    threads.map((n) => ({ ...make(n), threads: n }));
  return [
    ...plainTargets.flatMap((target) =>
      (targets[target].threads ? threads : [1]).map((n) => ({
        peer: "cellc",
        name: `cellc ${target}`,
        threads: n,
        command: script("cellc.ts", target, n),
        environment: {},
        forms: compiled,
      })),
    ),
    ...threads.flatMap((n) => torchPools(n).map((pools) => torch(n, pools, cleared))),
    {
      peer: "jax",
      name: "jax-js wasm",
      threads: 1,
      command: script("jax.mjs"),
      environment: {},
      forms: [
        { cell: "bnlstm", name: "jit a step", kinds: all },
        { cell: "lstm", name: "jit a step", kinds: all },
      ],
    },
    {
      peer: "tfjs",
      name: "tfjs wasm",
      threads: 1,
      command: script("tfjs.mjs"),
      environment: {},
      forms: [
        { cell: "bnlstm", name: "cell", kinds: all },
        { cell: "lstm", name: "layer", kinds: ["train", "sequence"] },
        { cell: "lstm", name: "cell", kinds: ["stream"] },
      ],
    },
    ...each((n) => onnx("onnx", "ONNX Runtime", n)),
    ...each((n) => onnx("onnx-web", "ONNX Runtime Web", n)),
    { ...onnx("onnx-web", "ONNX Runtime WebGPU", "webgpu"), threads: 1 },
  ];
}
