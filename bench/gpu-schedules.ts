/** How others run an LSTM's forward pass on a GPU, as they published it. Counted from what is said there, never run here. */
import type { Workload } from "./workloads.ts";

export interface Schedule {
  readonly name: string;
  /** Kernels that are launched for a sequence, with those of the input's product. */
  readonly launches: number;
  /** How often all of the GPU waits for all of it, one after another: between two launches, or at a barrier of the grid. */
  readonly waits: number;
  /** Bytes of Wh that come to the cores from outside of them. */
  readonly weightBytes: number;
  readonly source: string;
}

type Sizes = Pick<Workload, "H" | "T">;

/** Bytes of Wh [H, 4H] as f32. */
export const weightBytes = ({ H }: Pick<Workload, "H">): number => 4 * 4 * H * H;

interface Published {
  readonly name: string;
  /** Launches in each step, and for all steps. */
  readonly inStep: number;
  readonly outside: number;
  /** One launch for all steps keeps Wh on the cores, and has a barrier of the grid in each step. */
  readonly persistent: boolean;
  /** Where PyTorch chooses it. */
  readonly applies?: (sizes: Sizes) => boolean;
  readonly source: string;
}

/** PyTorch asks cuDNN for its persistent kernel of small layers up to so many units of an LSTM, forward. */
const SMALL = 192;

const published: readonly Published[] = [
  {
    ...{ name: "cuDNN, step by step (PyTorch above 192 units)", inStep: 2, outside: 1, persistent: false },
    applies: ({ H }) => H > SMALL,
    source:
      "Appleyard, Kočiský, Blunsom 2016, arXiv 1604.01946: the product of the inputs for many steps at once, then one product for four gates and one kernel for all that is elementwise",
  },
  {
    ...{ name: "cuDNN, persistent (PyTorch up to 192 units)", inStep: 0, outside: 2, persistent: true },
    applies: ({ H }) => H <= SMALL,
    source:
      "PyTorch's aten/src/ATen/native/cudnn/RNN.cpp, use_rnn_persist_small_h: CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H up to 192 units forward and 128 backward",
  },
  {
    ...{ name: "FlashRNN, alternating", inStep: 2, outside: 1, persistent: false },
    source:
      "Pöppel, Beck, Hochreiter 2024, arXiv 2412.07752: two kernels a step, for any hidden size; the input's product is the caller's",
  },
  {
    ...{ name: "FlashRNN, fused", inStep: 0, outside: 2, persistent: true },
    source:
      "the same: Wh and b in registers and shared memory, 2 to 5 times as fast as the alternating kernels by its README",
  },
  {
    ...{ name: "Persistent RNNs", inStep: 0, outside: 2, persistent: true },
    source: "Diamos et al. 2016, PMLR 48: weights in registers, a barrier of the grid in each step",
  },
];

/** The published schedules that apply to a workload. */
export function schedulesOf(sizes: Sizes): readonly Schedule[] {
  const { T } = sizes;
  return published
    .filter(({ applies }) => applies === undefined || applies(sizes))
    .map(({ name, inStep, outside, persistent, source }) => {
      const launches = inStep * T + outside;
      return {
        ...{ name, source, launches },
        waits: launches + (persistent ? T : 0),
        weightBytes: weightBytes(sizes) * (persistent ? 1 : T),
      };
    });
}
