/** Who is measured: this compiler's targets and the peers, and in which ways each can write which cell. */
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
  /** As `--peers` names it. */
  readonly peer: string;
  /** As the table shows it. */
  readonly name: string;
  readonly threads: number;
  readonly command: readonly string[];
  /** Variables that the process gets besides the driver's; undefined: it shall not get it. */
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
/** TypeScript is understood by the peers' processes too: what all peers share is written in it. */
const script = (name: string, ...args: readonly (string | number)[]): readonly string[] => [
  process.execPath,
  "--import",
  "tsx",
  file(name),
  ...args.map(String),
];

/** The system's own, which is who has Debian's PyTorch; another may come before it on the path. */
const python = "/usr/bin/python3";

/** Variables by which a shell tells linear algebra libraries what processor or how many threads to compute with. */
const libraryVariables = /^(OPENBLAS|GOTO|NVPL|MKL|OMP|KMP|BLIS|VECLIB|ATEN)_/;

/** Those of an environment. PyTorch shall choose for itself; only the number of threads is said, in each library's own way. */
export function libraryOverrides(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.keys(environment)
    .filter((name) => libraryVariables.test(name))
    .sort();
}

/** Everyone, with each number of threads where they can be chosen. */
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
    ...each((n) => ({
      peer: "torch",
      name: "PyTorch",
      command: [python, file("torch_bench.py"), String(n)],
      environment: { ...cleared, OMP_NUM_THREADS: String(n), OPENBLAS_NUM_THREADS: String(n) },
      forms: [
        { cell: "bnlstm", name: "eager", kinds: all },
        { cell: "bnlstm", name: "TorchScript", kinds: all },
        { cell: "lstm", name: "nn.LSTM", kinds: all },
      ],
    })),
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
    ...each((n) => ({
      peer: "onnx",
      name: "ONNX Runtime",
      command: script("onnx.mjs", n),
      environment: {},
      forms: [{ cell: "lstm", name: "LSTM", kinds: inference }],
    })),
  ];
}
