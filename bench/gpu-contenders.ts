/** Who is measured on a GPU, and on what. */
import { fileURLToPath } from "node:url";
import { type Contender, contenders, type Form } from "./contenders.ts";
import type { Workload } from "./workloads.ts";

/** MNIST pixel by pixel, where launching a step takes most of its time, and a layer large enough to fill a GPU. */
const sizes = [
  { name: "784", what: "MNIST pixel by pixel", B: 64, H: 100, T: 784, D: 1 },
  { name: "1000", what: "a large layer", B: 128, H: 1000, T: 100, D: 50 },
] as const;

/** Training of both, and then inference of whole sequences. */
export const gpuWorkloads: readonly Workload[] = [
  ...sizes.map(({ what, ...size }) => ({ ...size, about: `training, ${what}`, kind: "train" as const })),
  ...sizes.map(({ what, name, ...size }) => ({
    ...{ ...size, name: `${name}-inference`, about: `inference, ${what}`, kind: "sequence" as const },
  })),
];

/** The forms that PyTorch is written in, quick ones first: what takes too long to compile must not take the others' time. */
const forms: readonly Form[] = [
  { cell: "lstm", name: "nn.LSTM", kinds: ["train", "sequence"] },
  { cell: "bnlstm", name: "eager", kinds: ["train", "sequence"] },
  { cell: "bnlstm", name: "loop in a CUDA graph", kinds: ["train"] },
  { cell: "bnlstm", name: "torch.compile", kinds: ["train"] },
];

/**
 * Our WGSL, ONNX Runtime Web's LSTM on WebGPU at inference, and PyTorch on CUDA with a process for each form, so that one that is
 * stopped takes no other with it.
 */
export function gpuContenders(python: string): readonly Contender[] {
  const everyone = contenders([1], process.env);
  const named = (wanted: string, isForm: (form: Form) => boolean): readonly Contender[] =>
    everyone.filter(({ name }) => name === wanted).map((one) => ({ ...one, forms: one.forms.filter(isForm) }));
  return [
    ...named("cellc wgsl", ({ cell }) => forms.some((form) => form.cell === cell)),
    ...named("ONNX Runtime WebGPU", ({ name }) => name === "LSTM"),
    ...forms.map((form) => ({
      ...{ peer: "torch", name: "PyTorch CUDA", threads: 1, environment: {}, forms: [form] },
      command: [python, fileURLToPath(new URL("peers/torch_bench.py", import.meta.url)), "cuda"],
    })),
  ];
}
