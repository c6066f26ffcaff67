/**
 * Python text of what norms over the batch share, for one process and for several.
 *
 * For several there is one rule: a sum over examples is a sum over those of all ranks, and so is their number. All of it is
 * differentiable, so that every rank has the loss of the whole batch; DDP's mean of the gradients is then that of a single process.
 */

/** What the file needs beside its classes of norms. */
export type NormPart = "batch_mean" | "batch_sum" | "batch_count" | "population" | "shared";

/** Functions of examples, which norms call: by name, the text for one process. */
const functions = {
  batch_mean: `
def batch_mean(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """Mean over \`axes\`, of the examples that have the step; the axes stay, with extent 1."""
    if has is None:
        return x.mean(axes, keepdim=True)
    n = present(torch.ones_like(x), has).sum(axes, keepdim=True)
    return present(x, has).sum(axes, keepdim=True) / n.clamp(min=1)`,
  batch_sum: `
def batch_sum(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """Sum over \`axes\`, of the examples that have the step; the axes stay, with extent 1."""
    return present(x, has).sum(axes, keepdim=True)`,
  batch_count: `
def batch_count(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """How many elements a sum over \`axes\` has, of the examples that have the step."""
    return present(torch.ones_like(x), has).sum(axes, keepdim=True).clamp(min=1)`,
} as const;

/** The same as methods, for several processes. */
const methods = {
  batch_mean: `
    def batch_mean(self, x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
        """Mean over \`axes\`, of the examples that have the step; the axes stay, with extent 1."""
        n = present(torch.ones_like(x), has).sum(axes, keepdim=True)
        total = present(x, has).sum(axes, keepdim=True)
        n, total = self.together(torch.stack([n, total])).unbind(0)
        return total / n.clamp(min=1)
`,
  batch_sum: `
    def batch_sum(self, x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
        """Sum over \`axes\`, of the examples that have the step; the axes stay, with extent 1."""
        return self.together(present(x, has).sum(axes, keepdim=True))
`,
  batch_count: `
    def batch_count(self, x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
        """How many elements a sum over \`axes\` has, of the examples that have the step."""
        return self.together(present(torch.ones_like(x), has).sum(axes, keepdim=True)).clamp(min=1)
`,
} as const;

/** The base of every module whose batch may be spread over ranks. */
const synchronised = `
class Synchronised(nn.Module):
    """A module whose batch may be spread over the ranks of a process group: see \`convert_sync\`."""

    def __init__(self):
        super().__init__()
        self.process_group = None
        self.ranks = 1

    def across(self, x: Tensor) -> Tensor:
        """The sum of x over all ranks. Gradients flow back to each."""
        if self.ranks == 1:
            return x
        group = dist.group.WORLD if self.process_group is None else self.process_group
        return all_reduce(x.contiguous(), group=group)


def convert_sync(module: nn.Module, process_group=None, sync: str = "step") -> nn.Module:
    """
    Spreads the batches of a module over the ranks of a process group (default: all). Losses are those of the whole batch.

    With \`sync="step"\`, so are the statistics of norms, at the price of an all-reduce for each norm and step; one for all steps, if
    the norm is outside the recurrence. With \`sync="none"\`, each rank normalizes with its own, which is ghost batch norm.
    All ranks must pad their sequences to the same number of steps.
    """
    if sync not in ("step", "none"):
        raise ValueError(f'sync is "step" or "none", not {sync!r}')
    ranks = dist.get_world_size(process_group) if dist.is_available() and dist.is_initialized() else 1
    for part in module.modules():
        if isinstance(part, Synchronised):
            part.process_group, part.ranks = process_group, ranks
        if hasattr(part, "sync"):
            part.sync = sync == "step"
    return module`;

const moments = `
    def moments(self, i: int, x: Tensor, axes: List[int], has: Optional[Tensor], whole: bool = False) -> Tuple[Tensor, Tensor]:
        """
        Mean and variance over \`axes\`, as statistics i and i + 1.

        \`whole\`: they are not of single steps, so that none has too few examples.
        """
        steps = None if whole else has
        m = self.record(i, batch_mean(x, axes, has), steps)
        return m, self.record(i + 1, batch_mean(torch.square(x - m), axes, has), steps)
`;

const synchronisedMoments = `
    def moments(self, i: int, x: Tensor, axes: List[int], has: Optional[Tensor], about: Tensor, whole: bool = False) -> Tuple[Tensor, Tensor]:
        """
        Mean and variance over \`axes\`, as statistics i and i + 1.

        \`whole\`: they are not of single steps, so that none has too few examples.

        Ranks exchange counts, sums and centred squares in one message (Chan et al. 1983). Sums are relative to \`about\`, the
        population's mean, which all ranks know, so that the squares of large means do not cancel. Before there is one, ranks
        agree on a mean first.
        """
        n = present(torch.ones_like(x), has).sum(axes, keepdim=True)
        own = present(x, has).sum(axes, keepdim=True) / n.clamp(min=1)
        centred = present(torch.square(x - own), has).sum(axes, keepdim=True)
        if self.sync and self.ranks > 1:
            if not self.begun:
                all_n, total = self.across(torch.stack([n, n * own]).detach()).unbind(0)
                about = total / all_n.clamp(min=1)
            d = own - about
            n, total, squares = self.across(torch.stack([n, n * d, centred + n * d * d])).unbind(0)
            d = total / n.clamp(min=1)
            own, centred = about + d, squares - n * d * d
        enough: Optional[Tensor] = None
        if has is not None and not whole:
            elements = n
            for axis in axes[1:]:
                elements = elements / x.shape[axis]
            enough = elements >= self.fewest(has)
        m = self.settle(i, own, enough)
        return m, self.settle(i + 1, centred / n.clamp(min=1) + torch.square(own - m), enough)
`;

const record = (distributed: boolean): string => `
    def record(self, i: int, own: Tensor, has: Optional[Tensor]) -> Tensor:
        """
        Keeps the batch's statistic i for \`collect\`, and returns what the norm uses of it.

        At steps that a single example of several has, its statistic is no use: it is its own mean. The last step that more had
        stands in for the others.
        """
        if has is None:
            return self.settle(i, own, None)
${
  distributed
    ? `        n = self.together(has.sum(-1, keepdim=True))
        return self.settle(i, own, wide(n >= self.fewest(has), own))

    def fewest(self, has: Tensor) -> int:
        """How many examples make a statistic."""
        return 2 if self.sync and self.ranks > 1 else min(2, has.shape[-1])

    def together(self, x: Tensor) -> Tensor:
        """The sum of x over all ranks, if statistics are synchronised."""
        return self.across(x) if self.sync else x`
    : "        return self.settle(i, own, wide(has.sum(-1, keepdim=True) >= min(2, has.shape[-1]), own))"
}
`;

const filled = (distributed: boolean): string => `
    def filled(self, has: Optional[Tensor], T: int) -> Tensor:
        """For each step the fraction of the batch that has it, [time]; 0 if no step has enough examples."""
        if has is None:
            return torch.ones(T, dtype=self.batches.dtype, device=self.batches.device)
${
  distributed
    ? `        n = self.across(has.sum(-1).reshape(-1))
        B = int(self.across(torch.tensor(has.shape[-1], device=has.device)))
        enough = n >= min(2, B)
        return (n * enough.any()).to(self.batches.dtype) / B

    def of_ranks(self, own: Tensor, B: int) -> Tensor:
        """A statistic of the whole batch: where each rank has its own, their mean over examples."""
        if self.sync or self.ranks == 1:
            return own
        return self.across(B * own) / self.across(torch.tensor(float(B), device=own.device))`
    : `        n = has.sum(-1).reshape(-1)
        enough = n >= min(2, has.shape[-1])
        return (n * enough.any()).to(self.batches.dtype) / has.shape[-1]`
}
`;

/** What a batch moves the tables by. */
const moving = (distributed: boolean): string => `
    def move_rows(self, table: Tensor, i: int, weight: Tensor, t: int${distributed ? ", B: int" : ""}) -> None:
        """Moves the rows from t on towards the batch's."""
        own = self.of_batch(table, i${distributed ? ", B" : ""})[: weight.shape[0]]
        rows = table[t : t + weight.shape[0]]
        rows += weight.reshape([-1] + [1] * (table.dim() - 1)) * (own - rows)

    def of_batch(self, table: Tensor, i: int${distributed ? ", B: int" : ""}) -> Tensor:
        """The batch's statistic i, a row for each of its steps."""
        own = torch.cat(self.seen[i])
        return ${distributed ? "self.of_ranks(own.reshape([-1] + list(table.shape)[1:]), B)" : "own.reshape([-1] + list(table.shape)[1:])"}
`;

const population = (parts: ReadonlySet<NormPart>, distributed: boolean): string => `
class Population(${distributed ? "Synchronised" : "nn.Module"}):
    """
    What norms over the batch share: statistics are the batch's in training, and the population's in evaluation.

    The population's have a row for each of the first \`steps\` time steps; later steps have the last row. A batch moves them by
    \`momentum\`, and the first batches by more, so that they are means from the start: \`batches\` counts what each row has seen.
    """

    seen: List[List[Tensor]]
    settled: List[Tensor]
    batches: Tensor

    def __init__(self, statistics: int, steps: int, momentum: float):
        super().__init__()
        self.steps, self.momentum = steps, momentum
        self.register_buffer("batches", torch.zeros(steps))
        self.seen = [[] for _ in range(statistics)]
        self.settled = [torch.empty(0) for _ in range(statistics)]
        self.alone = False
${distributed ? "        self.sync, self.begun = True, False\n" : ""}
    def population(self, table: Tensor, t: int, x: Tensor, features: int) -> Tensor:
        """The rows for x: that of step t, or, if x is a sequence [time, batch, features], those from t on."""
        last = table.shape[0] - 1
        if x.dim() == features + 1:
            return table[min(t, last)].unsqueeze(0)
        rows = torch.arange(t, t + x.shape[0], device=table.device).clamp(max=last)
        return table[rows].unsqueeze(1)
${distributed ? synchronisedMoments : moments}${record(distributed)}
    def settle(self, i: int, own: Tensor, enough: Optional[Tensor]) -> Tensor:
        """Keeps statistic i, halfway to the last step with enough examples where there are not \`enough\`."""
        used = own
        if enough is not None:
            if own.shape[0] > 1:
                k = (enough.reshape(own.shape[0], -1)[:, 0].sum() - 1).clamp(min=0).reshape(1)
                last = own.index_select(0, k) * enough.any()
            else:
                last = self.settled[i] if self.settled[i].numel() > 0 else torch.zeros_like(own)
                self.settled[i] = torch.where(enough, own, last)
            used = torch.where(enough, own, (own + last) / 2)
        self.seen[i].append(used.detach())
        return used

    def record_mean(self, i: int, own: Tensor, axis: int, has: Optional[Tensor]) -> Tensor:
        """For a statistic of each group of examples: the batch's is the mean of theirs."""
        if has is not None:
            raise ValueError("norms of groups of examples are trained on sequences of equal length")
        self.seen[i].append(own.detach().mean(axis, keepdim=True))
        return own
${filled(distributed)}
    def weight_now(self, filled: Tensor, t: int) -> Tensor:
        """The weight of the batch: its fraction of everything seen so far, but at least \`momentum\`."""
        T = filled.shape[0]
        if t + T > self.steps:
            raise ValueError(f"a batch has {t + T} steps, and statistics are kept for steps={self.steps}")
        before = self.batches[t : t + T]
        share = filled / (before + filled).clamp(min=1e-30)
        return torch.maximum(self.momentum * filled, share)
${moving(distributed)}
    def counted(self, filled: Tensor, t: int) -> None:
        """Counts the batch."""
        self.batches[t : t + filled.shape[0]] += filled
${distributed ? "        self.begun = True\n" : ""}        self.forget()

    def forget(self) -> None:
        """Forgets what was recorded. A batch that was interrupted leaves something."""
        for i, seen in enumerate(self.seen):
            seen.clear()
            self.settled[i] = torch.empty(0)

    def extend(self, table: Tensor) -> None:
        """Rows that no batch has reached repeat the nearest one before them that one has, or else the first such row."""
        known = self.batches > 0
        t = torch.arange(self.steps, device=known.device)
        nearest = torch.where(known, t, torch.full_like(t, -1)).cummax(0)[0]
        table.copy_(table[torch.where(nearest < 0, known.int().argmax(0), nearest)])
${distributed ? (["batch_mean", "batch_sum", "batch_count"] as const).map((name) => (parts.has(name) ? methods[name] : "")).join("") : ""}`;

/** In place of \`weight_now\` and \`move_rows\`, for statistics that all steps share. */
const shared = (distributed: boolean): string => `
class SharedPopulation(Population):
    """The same, with one row for all steps."""

    def __init__(self, statistics: int, momentum: float):
        super().__init__(statistics, 1, momentum)

    def move_shared(self, table: Tensor, i: int, filled: Tensor, weight: Tensor${distributed ? ", B: int" : ""}) -> None:
        """Moves the row towards the mean over the batch's steps, each of which weighs as much as it has examples."""
        own = self.of_batch(table, i${distributed ? ", B" : ""})
        if own.shape[0] > 1:
            n = filled.reshape([-1] + [1] * (table.dim() - 1))
            own = (n * own).sum(0, keepdim=True) / n.sum().clamp(min=1e-30)
        table += weight * (own - table)`;

/** What the file needs before its classes of norms. */
export function populationLines(parts: ReadonlySet<NormPart>, distributed: boolean): readonly string[] {
  const hasMeans = parts.has("batch_mean") || parts.has("population");
  const texts = [
    ...(distributed ? [synchronised] : []),
    ...(!distributed && hasMeans ? [functions.batch_mean] : []),
    ...(!distributed && parts.has("batch_sum") ? [functions.batch_sum] : []),
    ...(!distributed && parts.has("batch_count") ? [functions.batch_count] : []),
    ...(parts.has("population") ? [population(parts, distributed)] : []),
    ...(parts.has("shared") ? [shared(distributed)] : []),
  ];
  return texts.flatMap((text) => [...text.trim().split("\n"), "", ""]);
}
