/** Who is measured on a GPU, and on what. */
import { fileURLToPath } from "node:url";
import { type Contender, contenders, type Form } from "./contenders.ts";
import type { Workload } from "./workloads.ts";

/** MNIST pixel by pixel, where launching a step takes most of its time, and a layer large enough to fill a GPU. */
export const gpuWorkloads: readonly Workload[] = [
  { name: "784", about: "training, MNIST pixel by pixel", kind: "train", B: 64, H: 100, T: 784, D: 1 },
  { name: "1000", about: "training, a large layer", kind: "train", B: 128, H: 1000, T: 100, D: 50 },
];

/** The forms that PyTorch is written in, quick ones first: what takes too long to compile must not take the others' time. */
const forms: readonly Form[] = [
  { cell: "lstm", name: "nn.LSTM", kinds: ["train"] },
  { cell: "bnlstm", name: "eager", kinds: ["train"] },
  { cell: "bnlstm", name: "loop in a CUDA graph", kinds: ["train"] },
  { cell: "bnlstm", name: "torch.compile", kinds: ["train"] },
];

/** Our WGSL, and PyTorch on CUDA with a process for each form, so that one that is stopped takes no other with it. */
export function gpuContenders(python: string): readonly Contender[] {
  const ours = contenders([1], process.env).filter(({ name }) => name === "cellc wgsl");
  return [
    ...ours.map((one) => ({ ...one, forms: one.forms.filter(({ cell }) => forms.some((form) => form.cell === cell)) })),
    ...forms.map((form) => ({
      ...{ peer: "torch", name: "PyTorch CUDA", threads: 1, environment: {}, forms: [form] },
      command: [python, fileURLToPath(new URL("peers/torch_bench.py", import.meta.url)), "cuda"],
    })),
  ];
}
