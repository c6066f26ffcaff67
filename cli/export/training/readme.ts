/** Prints the README of an exported training: how to check it, train, and come back. */

export interface TrainingAbout {
  /** The file of the module, without `.py`, and the class in it. */
  readonly module: string;
  readonly className: string;
  /** The folders of the run and of the export. */
  readonly run: string;
  readonly out: string;
  /** Updates so far. */
  readonly step: number;
  readonly perEpoch: number;
  /** Sites of norms over the batch that are normalized at each step of the recurrence, and those whose steps are normalized at once. */
  readonly perStep: readonly string[];
  readonly atOnce: readonly string[];
  readonly hasExamples: boolean;
  /** What the run was told that the script does not do, a sentence each. */
  readonly left: readonly string[];
}

const listed = (sites: readonly string[]): string => sites.map((site) => `\`${site}\``).join(", ");

const times = (n: number): string => (n === 1 ? "is one all-reduce" : `are ${n} all-reduces`);

/** What synchronised statistics cost, with the sites as evidence. */
function costOf({ perStep, atOnce }: TrainingAbout): string {
  if (perStep.length + atOnce.length === 0)
    return "No norm of this model looks across examples, so that `--sync` changes nothing: ranks only exchange gradients and losses.";
  const each =
    perStep.length === 0
      ? ""
      : `At each time step there ${times(perStep.length)} forward and as many backward, for ${listed(perStep)}: they are in the recurrence,
where each needs what those before it made.
`;
  const once =
    atOnce.length === 0
      ? ""
      : `${perStep.length === 0 ? "There" : "Outside of the recurrence there"} ${times(atOnce.length)} for all steps together, for ${listed(atOnce)}.
`;
  return `With \`--sync step\` (the default), statistics are those of the whole batch, and N processes train as one does.
${each}${once}A message carries counts, sums and centred squares of a site together, and is as small as the statistics. What counts is the time that a message takes: 784 steps at 30 µs and two messages, forward and backward, are 94 ms a batch.

With \`--sync none\`, each process normalizes with its own examples (ghost batch norm), and exchanges only losses and gradients. That is as
good where a process has 32 examples or more. The population's statistics are then the mean of the processes'.`;
}

/** The text of README.md. */
export function trainingReadme(about: TrainingAbout): string {
  const { module, className, run, out, step, perEpoch, hasExamples, left } = about;
  const more = step + perEpoch;
  return `# ${className}, in PyTorch

Written by \`cellc export\` from the run \`${run}\`, after ${step} steps. PyTorch 1.13 or later is all that it takes.

    python3 ${module}.py                                                # checks itself against cellc's numbers
    torchrun --standalone --nproc_per_node=4 train.py --steps ${more}     # trains on, on 4 processes

\`python3 train.py\` trains in a single process. \`train.py --help\` lists the options; \`--batch\` is the batch of all processes together,
and need not divide by their number. ${hasExamples ? "`data/` has the run's examples, as prepared for the model." : "Examples are not exported: bring your own."}
For others, write your own \`class Examples\`. On several machines, each needs this folder, best from a shared disk; see
\`torchrun --help\` for \`--nnodes\` and \`--rdzv-endpoint\`. Debian 12's \`torchrun\` fails with its Python unless it is told \`-r 9:1 -t 9:1\` as well.

## Checkpoints

\`start.safetensors\` is the run's last checkpoint, and \`checkpoint.safetensors\` is what \`train.py\` writes, at each evaluation and with
\`--save-every N\` in between. It is replaced as a whole or not at all. If a process dies, \`torchrun\` ends; start it again, and it goes on
from there, with the same examples in the same order. Both files are checkpoints of cellc, with the optimiser's state, and come back as
a new run beside the old one:

    cellc import ${out}/checkpoint.safetensors --to ${run} --out ${run}-back
    cellc eval ${run}-back
    cellc train --resume ${run}-back --steps ${more + perEpoch}

So does a \`state_dict\` that a program of your own saved, without the optimiser's state.
${left.length === 0 ? "" : `\n## What train.py does not do\n\n${left.map((line) => `- ${line}\n`).join("")}`}
## What several processes cost

${costOf(about)}

## In Lightning

\`Trainer(sync_batchnorm=True)\` only knows PyTorch's own batch norm. This plugin does for the module what it does:

    from lightning.pytorch.plugins import LayerSync
    from ${module} import convert_sync

    class CellcSync(LayerSync):
        def __init__(self, sync="step"):
            self.sync = sync

        def apply(self, model):
            return convert_sync(model, sync=self.sync)

        def revert(self, model):
            return convert_sync(model, sync="none")

    Trainer(plugins=[CellcSync()], strategy=DDPStrategy(broadcast_buffers=False))
`;
}
