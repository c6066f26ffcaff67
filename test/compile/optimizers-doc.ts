/** The text of `docs/optimizers.md`: the table of optimisers, for people. */
import { flagOf } from "../../cli/optimizer.ts";
import { type OptimizerRow, optimizers } from "../../compiler/optimizers.ts";

const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;

export function optimizersDoc(): string {
  return `${[
    "# The optimisers",
    "",
    "Made from the table of optimisers (`compiler/optimizers.ts`); `npx vitest run test/compile/optimizer -u` makes it anew.",
    "",
    "One step makes of the parameters p, their clipped gradient g and the learning rate lr:",
    "",
    row(["optimiser", "step", "kept for each parameter"]),
    row(["---", "---", "---"]),
    ...Object.entries<OptimizerRow>(optimizers).map(([name, { doc, slots }]) =>
      row([`\`${name}\``, doc, slots.map((slot) => `\`${slot}\``).join(", ")]),
    ),
    "",
    "## Options",
    "",
    row(["optimiser", "in a program", "on the command line", "meaning", "is", "default"]),
    row(["---", "---", "---", "---", "---", "---"]),
    ...Object.entries<OptimizerRow>(optimizers).flatMap(([name, { options }]) =>
      Object.entries(options).map(([option, { form, doc, must, default: value, show }]) =>
        row([`\`${name}\``, `\`${option}\``, `\`${flagOf(option)} ${form}\``, doc, must, `\`${show(value)}\``]),
      ),
    ),
    "",
    'In a program `compile` takes a name, `optimizer: "adamw"`, or a name with options,',
    '`optimizer: { name: "adamw", weightDecay: 0.05, betas: [0.9, 0.99] }`. An option that the optimiser does not have, and a value that is not',
    "what the table wants, are refused (`C0309`).",
    "",
    "## Which parameters decay",
    "",
    "Weight decay is decoupled: it takes lr·λ·p from p, whatever the gradient is, and is no part of the loss. By default the weights decay: parameters of two",
    "axes or more, such as the matrices of products and the tables of embeddings. What does not decay:",
    "",
    "- vectors and single numbers: biases, peepholes;",
    "- the parameters of norms: gains and shifts, whatever their shape;",
    "- learned initial states: whatever the value of a state before the first step is computed from. A matrix by which something is multiplied on the way to it decays.",
    "",
    "`decayed` names other ones, as `cellc inspect` shows their names, or says `all`. In PyTorch the same is said with parameter groups that have a",
    "`weight_decay` of their own; there, every parameter decays by default. Parameters that decay stand before the others in memory, so that a step reads",
    "and writes no more than one of Adam does.",
    "",
    "## Checkpoints",
    "",
    "A checkpoint says of which optimiser it is, and with which options where they are not the default. To go on with others is refused (`C0403`) with what",
    "differs: the moments that it holds were made with the old ones. Where the change is meant, `--allow-other-equations` takes it. `eval` and",
    "`stats` take the optimiser from the checkpoint.",
  ].join("\n")}\n`;
}
