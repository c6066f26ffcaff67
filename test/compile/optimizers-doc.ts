/** The text of `docs/optimizers.md`: the table of optimisers, for people. */
import { flagOf } from "../../cli/optimizer.ts";
import { type OptimizerRow, optimizers, type SlotRow } from "../../compiler/optimizers.ts";

const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;

const kept = ({ name, with: option }: SlotRow): string =>
  `\`${name}\`${option === undefined ? "" : ` (with \`${option}\`)`}`;

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
      row([`\`${name}\``, doc, slots.map(kept).join(", ")]),
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
    "- learned initial states: whatever the initial value of a state is computed from. A matrix of a product in that computation decays.",
    "",
    "`decayed` names other parameters, with their names in `cellc inspect`, or is `all`. In PyTorch you would use parameter groups with a",
    "`weight_decay` of their own; there, every parameter decays by default. Parameters that decay come first in memory, so that a step reads",
    "and writes no more than a step of Adam.",
    "",
    "## Checkpoints",
    "",
    "A checkpoint records its optimiser, and its options if they are not the defaults. To continue with others is refused (`C0403`) with the",
    "differences, because its moments were made with the old ones. If you mean the change, `--allow-other-equations` accepts it. `eval` and",
    "`stats` take the optimiser from the checkpoint.",
  ].join("\n")}\n`;
}
