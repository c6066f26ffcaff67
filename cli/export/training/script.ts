/** Prints the training script: a training loop for a printed module, on one process or on several, that goes on where `cellc train` stopped. */
import type { Optimizer } from "../../../compiler/optimizers.ts";
import type { ScheduleChoice } from "../../../runtime/fit/schedules.ts";
import { order, safetensors } from "./files-text.ts";
import { examples, loss, main } from "./loop-text.ts";
import { spelledOptimizer } from "./optimizers.ts";
import { run } from "./run-text.ts";
import { spelledSchedule } from "./schedules.ts";

/** What a measure is a mean over; undefined if it is none, or one by weights. */
export type MeanOver = "examples" | "steps" | undefined;

/** What a run was told, and what its model is like. */
export interface TrainScript {
  /** The file of the module, without `.py`, and the class in it. */
  readonly module: string;
  readonly className: string;
  /** Our name of each parameter and statistic, with its name in the `state_dict`. */
  readonly names: ReadonlyMap<string, string>;
  /** The parameters that are trained, by our names. */
  readonly trained: readonly string[];
  /** Those of them that decay. */
  readonly decayed: ReadonlySet<string>;
  /** Norms of values that are over no time axis, by their paths in the module. */
  readonly heads: readonly string[];
  /** Whether some parameter has no gradient. */
  readonly unused: boolean;
  readonly optimizer: Optimizer;
  readonly lr: number;
  readonly schedule: ScheduleChoice;
  readonly warmup: number;
  readonly clip?: number;
  readonly momentum: number;
  readonly batch: number;
  /** Batches of a step. */
  readonly accumulate: number;
  /** The decay of averaged parameters, if they are averaged. */
  readonly average?: number;
  /** Steps in all, or else epochs. */
  readonly steps?: number;
  readonly epochs: number;
  readonly evaluateEvery?: number;
  /** Training examples that statistics are estimated from before each evaluation; undefined: they are the moving averages. */
  readonly estimate?: number;
  readonly seed: number;
  /** Of a sequence, at most. */
  readonly time: number;
  /** The loss, and metrics. */
  readonly measures: ReadonlyMap<string, MeanOver>;
  /** The arguments of the module's \`loss\`. */
  readonly inputs: ReadonlyMap<string, { readonly kind: "value" | "index"; readonly time: boolean }>;
}

/** The text of the file. */
export function trainScript(script: TrainScript): string {
  const parts = [heading(script), constants(script), safetensors, order, examples, loss, rules(script), run, main];
  return `${parts.map((part) => part.trim()).join("\n\n\n")}\n`;
}

const text = (value: string): string => JSON.stringify(value);

const dictionary = (entries: Iterable<readonly [string, string]>): string => {
  const lines = [...entries].map(([key, value]) => `    ${text(key)}: ${value},\n`);
  return lines.length === 0 ? "{}" : `{\n${lines.join("")}}`;
};

const names = (of: Iterable<string>): string => `[${[...of].map(text).join(", ")}]`;

const orNone = (value: number | undefined): string => (value === undefined ? "None" : String(value));

const heading = ({ module, className }: TrainScript): string => `
#!/usr/bin/env python3
"""Trains ${className} on one process or on several, and goes on where cellc stopped.

    python3 train.py --steps 1000
    torchrun --standalone --nproc_per_node=4 train.py --steps 1000

Checkpoints are those of cellc: it goes on from them, and this script goes on from its. Runs with PyTorch 1.13 and later.
"""

import argparse
import contextlib
import ctypes
import json
import math
import mmap
import os
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ${module} import ${className} as CLASS, convert_sync

HERE = Path(__file__).resolve().parent

# torchrun says which of how many processes this is.
RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
DEVICE = torch.device("cpu")
if torch.cuda.is_available():
    DEVICE = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    torch.cuda.set_device(DEVICE)
`;

function constants(script: TrainScript): string {
  const { measures, inputs, estimate } = script;
  const { slots, counts } = spelledOptimizer(script.optimizer);
  const kinds = [...inputs].map(
    ([name, { kind, time }]) => [name, `(${text(kind)}, ${time ? "True" : "False"})`] as const,
  );
  return `
# What the run was told.
BATCH = ${script.batch}
LR = ${script.lr}
WARMUP = ${script.warmup}
CLIP: Optional[float] = ${orNone(script.clip)}
ACCUMULATE = ${script.accumulate}  # batches of a step
AVERAGE: Optional[float] = ${orNone(script.average)}  # the decay of averaged parameters
MOMENTUM = ${script.momentum}  # the weight of the newest batch in moving statistics, at least
TOTAL: Optional[int] = ${orNone(script.steps)}  # steps; if None, EPOCHS says how many
EPOCHS = ${script.epochs}
EVALUATE_EVERY: Optional[int] = ${orNone(script.evaluateEvery)}
EXACT = ${estimate === undefined ? "False" : "True"}  # whether statistics are estimated anew before an evaluation
ESTIMATE = ${estimate ?? 0}  # training examples for that
SEED = ${script.seed}

# The steps of a sequence, at most.
STEPS = ${script.time}

# The arguments of the model's loss: numbers, or whole numbers from 0 on; and whether they are [batch, time, …].
INPUTS: Dict[str, Tuple[str, bool]] = ${dictionary(kinds)}

# What each measure is a mean over; None: nothing that is known without all examples.
MEASURES: Dict[str, Optional[str]] = ${dictionary([...measures].map(([name, over]) => [name, over === undefined ? "None" : text(over)]))}

# Where each tensor of a checkpoint is in the module.
NAMES: Dict[str, str] = ${dictionary([...script.names].map(([name, path]) => [name, text(path)]))}

# The parameters that are trained, and those of them that decay.
TRAINED: List[str] = ${names(script.trained)}
DECAYED: List[str] = ${names(script.trained.filter((name) => script.decayed.has(name)))}

# Norms outside of sequences, whose batches are counted by themselves.
HEADS: List[str] = ${names(script.heads)}

# Where the optimiser has each slot of a checkpoint, and whether it counts steps.
SLOTS: Dict[str, str] = ${dictionary(Object.entries(slots).map(([slot, key]) => [slot, text(key)]))}
COUNTS = ${counts ? "True" : "False"}

# Whether the loss does not depend on some parameter, which DistributedDataParallel must look for.
UNUSED = ${script.unused ? "True" : "False"}
`;
}

/** How parameters and the learning rate change. */
function rules({ optimizer, schedule, decayed, trained }: TrainScript): string {
  const spelled = spelledOptimizer(optimizer);
  const factor = spelledSchedule(schedule);
  if (factor === undefined) throw new Error("a schedule that depends on evaluations is refused before");
  const groups = [
    { of: trained.filter((name) => decayed.has(name)), test: "name in DECAYED" },
    { of: trained.filter((name) => !decayed.has(name)), test: "name not in DECAYED" },
  ].filter(({ of }) => of.length > 0);
  const decay = "weightDecay" in optimizer ? optimizer.weightDecay : undefined;
  const made =
    decay === undefined
      ? "[p[NAMES[name]] for name in TRAINED]"
      : `[\n${groups
          .map(
            ({ test }) =>
              `        {"params": [p[NAMES[name]] for name in TRAINED if ${test}], "weight_decay": ${test === "name in DECAYED" ? decay : "0.0"}},\n`,
          )
          .join("")}    ]`;
  const eased = factor.includes("eased(")
    ? `
def eased(start: float, end: float, part: float) -> float:
    """From start to end, along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, part))) / 2


`
    : "";
  return `
${spelled.lines === undefined ? "" : `${spelled.lines.trim()}\n\n\n`}def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    p = dict(model.named_parameters())
    return ${spelled.class}(${[`${made}`, "lr=LR", ...spelled.args].join(", ")})

${eased.trimEnd() === "" ? "" : `${eased.trimEnd()}\n\n`}
def learning_rate(step: int, steps: int, lr: float) -> float:
    """After \`step\` updates of \`steps\`."""
    if step < WARMUP:
        return lr * (step + 1) / WARMUP
${
  factor === "1.0"
    ? "    return lr"
    : `    done, of = step - WARMUP, steps - WARMUP
    return lr * (${factor})`
}
`;
}
