/** Python text of a norm's statistics: how a batch moves them, and how a norm looks at them in training. */
import { indent } from "./text.ts";

/** What a norm keeps. */
export interface Collected {
  /** The attributes: the statistics that are its own, and then those that say whether one was collected. */
  readonly tables: readonly string[];
  /** How many of them are statistics of its own. */
  readonly own: number;
  /** Whether all steps share a row. */
  readonly isShared: boolean;
  readonly distributed: boolean;
  /** Whether the cell says for how many steps they are kept. */
  readonly isBounded: boolean;
  /** Whether a variance is over examples alone, so that a single one has none. */
  readonly isMuteAlone: boolean;
  /** Whether a number of the norm changes with the updates done. */
  readonly hasRamp: boolean;
}

/** `collect`, which ends a batch in training. */
export function collectLines(of: Collected): readonly string[] {
  const { isShared, tables } = of;
  const B = of.distributed ? ", B" : "";
  const moved = tables.map((table, i) => {
    const rows = isShared ? table : `${table}[t : t + T]`;
    if (i >= of.own) return `${rows} += weight * (1 - ${rows})`;
    return isShared
      ? `self.move_shared(${table}, ${i}, filled, weight${B})`
      : `self.move_rows(${table}, ${i}, weight, t${B})`;
  });
  return [
    "@torch.no_grad()",
    `def collect(self, has: Optional[Tensor], t: int, T: int${of.distributed ? ", B: int" : ""}) -> None:`,
    ...indent([
      `"""Moves the population's statistics towards those of the batch, whose steps are t to t + T."""`,
      // Of a sequence for more steps than they are kept for, if the cell says for how many, the first ones count.
      `filled = self.filled(has, T)${of.isBounded ? "[: max(0, self.steps - t)]" : ""}`,
      ...(of.isMuteAlone
        ? [
            "if self.alone:",
            ...indent([
              "# A single example says nothing about a variance: it counts nowhere.",
              "filled = torch.zeros_like(filled)",
            ]),
          ]
        : []),
      ...(isShared
        ? [
            "total = filled.sum().reshape(1)",
            "share = total / (self.batches + total).clamp(min=1e-30)",
            "weight = torch.maximum(self.momentum * total / T, share)",
          ]
        : ["weight = self.weight_now(filled, t)"]),
      ...moved,
      isShared ? "self.counted(total, 0)" : "self.counted(filled, t)",
      ...(of.hasRamp ? ["self.updates += 1"] : []),
      ...(isShared
        ? []
        : [
            "if t > 0 or T < self.steps or has is not None:",
            ...indent(tables.map((table) => `self.extend(${table})`)),
          ]),
    ]),
  ];
}

/** `before`, of norms that look at the population in training. */
export const beforeLines = [
  "def before(self, table: Tensor, collected: Tensor, own: Tensor, t: int, x: Tensor, features: int) -> Tensor:",
  ...indent([
    `"""The population's value before this batch counts, or the batch's own if there is none yet. In evaluation, what the norm uses."""`,
    "if not self.training:",
    ...indent(["return own"]),
    "known = self.population(collected, t, x, features) > 0",
    "return torch.where(wide(known, own), self.population(table, t, x, features).clone(), own.detach())",
  ]),
];
