/** How PyTorch says each of our optimisers, so that its steps are equal to ours: a row each. */
import { type Optimizer, type OptimizerName, slotsOf } from "../../../compiler/optimizers.ts";

type Of<N extends OptimizerName> = Extract<Optimizer, { readonly name: N }>;

/** What a row is made of. */
interface Spelling<N extends OptimizerName> {
  /** The class, where PyTorch's own would take other steps. */
  readonly lines?: string;
  readonly class: string;
  /** Its arguments besides the parameters and the learning rate. */
  readonly args: (options: Of<N>) => readonly string[];
  /** Where its state has each of our slots. */
  readonly slots: Readonly<Record<string, string>>;
  /** Its state counts the steps. */
  readonly counts?: true;
}

/** As Adam and AdamW have them. */
const moments = {
  args: ({ betas, eps }: { readonly betas: readonly [number, number]; readonly eps: number }) => [
    `betas=(${betas.join(", ")})`,
    `eps=${eps}`,
  ],
  slots: { m: "exp_avg", v: "exp_avg_sq" },
  counts: true,
} as const;

export const optimizerSpellings: { readonly [N in OptimizerName]: Spelling<N> } = {
  sgd: { class: "torch.optim.SGD", args: () => [], slots: {} },
  momentum: {
    class: "torch.optim.SGD",
    args: ({ momentumFactor }) => [`momentum=${momentumFactor}`],
    slots: { m: "momentum_buffer" },
  },
  rmsprop: {
    lines: `
class RMSProp(torch.optim.Optimizer):
    """As Blocks has it: r ← ρ·r + (1 − ρ)·g²; p − lr·g / max(√r, ε), perhaps with momentum. PyTorch's own divides by √r + ε."""

    def __init__(self, params, lr, decay, eps, momentum=0.0):
        super().__init__(params, dict(lr=lr, decay=decay, eps=eps, momentum=momentum))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                r = self.state[p].setdefault("r", torch.zeros_like(p))
                r.mul_(group["decay"]).addcmul_(p.grad, p.grad, value=1 - group["decay"])
                scaled = p.grad / r.sqrt().clamp(min=group["eps"])
                if group["momentum"] > 0:
                    scaled = self.state[p].setdefault("m", torch.zeros_like(p)).mul_(group["momentum"]).add_(scaled)
                p.sub_(group["lr"] * scaled)
`,
    class: "RMSProp",
    args: ({ rmsDecay, eps, momentumFactor }) => [
      ...[`decay=${rmsDecay}`, `eps=${eps}`],
      ...(momentumFactor === 0 ? [] : [`momentum=${momentumFactor}`]),
    ],
    slots: { r: "r", m: "m" },
  },
  adam: { class: "torch.optim.Adam", ...moments },
  adamw: { class: "torch.optim.AdamW", ...moments },
};

/** The row of an optimiser, with its arguments, and the slots that its options need. */
export function spelledOptimizer(optimizer: Optimizer): {
  readonly lines?: string;
  readonly class: string;
  readonly args: readonly string[];
  readonly slots: Readonly<Record<string, string>>;
  readonly counts: boolean;
} {
  const row = optimizerSpellings[optimizer.name] as Spelling<OptimizerName>;
  const slots = Object.fromEntries(slotsOf(optimizer).map((slot) => [slot, row.slots[slot]]));
  return { ...row, args: row.args(optimizer), slots, counts: row.counts ?? false };
}
