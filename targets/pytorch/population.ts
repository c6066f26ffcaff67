/** Python text of what norms over the batch share. */

/** Means over the examples that have a step. */
export const batchFunctions = `
def batch_mean(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """Mean over \`axes\`, of the examples that have the step; the axes stay, with extent 1."""
    if has is None:
        return x.mean(axes, keepdim=True)
    n = present(torch.ones_like(x), has).sum(axes, keepdim=True)
    return present(x, has).sum(axes, keepdim=True) / n.clamp(min=1)`;

export const batchSum = `
def batch_sum(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """Sum over \`axes\`, of the examples that have the step; the axes stay, with extent 1."""
    return present(x, has).sum(axes, keepdim=True)`;

export const batchCount = `
def batch_count(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """How many elements a sum over \`axes\` has, of the examples that have the step."""
    return present(torch.ones_like(x), has).sum(axes, keepdim=True).clamp(min=1)`;

export const populationClass = `
class Population(nn.Module):
    """
    What norms over the batch share: statistics are the batch's in training, and the population's in evaluation.

    The population's have a row for each of the first \`steps\` time steps; later steps have the last row. A batch moves them by
    \`momentum\`, and the first batches by more, so that they are means from the start: \`batches\` counts what each row has seen.
    """

    seen: List[List[Tensor]]
    last: List[Tensor]
    batches: Tensor

    def __init__(self, statistics: int, steps: int, momentum: float):
        super().__init__()
        self.steps, self.momentum = steps, momentum
        self.register_buffer("batches", torch.zeros(steps))
        self.seen = [[] for _ in range(statistics)]
        self.last = []

    def population(self, table: Tensor, t: int, x: Tensor, features: int) -> Tensor:
        """The rows for x: that of step t, or, if x is a sequence [time, batch, features], those from t on."""
        last = table.shape[0] - 1
        if x.dim() == features + 1:
            return table[min(t, last)].unsqueeze(0)
        rows = torch.arange(t, t + x.shape[0], device=table.device).clamp(max=last)
        return table[rows].unsqueeze(1)

    def record(self, i: int, own: Tensor, has: Optional[Tensor]) -> Tensor:
        """
        Keeps the batch's statistic i for \`collect\`, and returns what the norm uses of it.

        At steps that a single example of several has, its statistic is no use: it is its own mean. The last step that more had
        stands in for the others.
        """
        used = own
        if has is not None:
            enough = has.sum(-1) >= min(2, has.shape[-1])
            if has.dim() == 2:
                k = (enough.sum() - 1).clamp(min=0).reshape(1)
                last = own.index_select(0, k) * enough.any()
            else:
                last = self.last[i] if i < len(self.last) else torch.zeros_like(own)
                now = torch.where(enough, own, last)
                if i < len(self.last):
                    self.last[i] = now
                else:
                    self.last.append(now)
            used = torch.where(wide(enough, own), own, (own + last) / 2)
        self.seen[i].append(used)
        return used

    def moments(self, i: int, x: Tensor, axes: List[int], has: Optional[Tensor], whole: bool = False) -> Tuple[Tensor, Tensor]:
        """
        Mean and variance over \`axes\`, as statistics i and i + 1.

        \`whole\`: they are not of single steps, so that none has too few examples.
        """
        steps = None if whole else has
        m = self.record(i, batch_mean(x, axes, has), steps)
        return m, self.record(i + 1, batch_mean(torch.square(x - m), axes, has), steps)

    def record_mean(self, i: int, own: Tensor, axis: int, has: Optional[Tensor]) -> Tensor:
        """For a statistic of each group of examples: the batch's is the mean of theirs."""
        if has is not None:
            raise ValueError("norms of groups of examples are trained on sequences of equal length")
        self.seen[i].append(own.mean(axis, keepdim=True))
        return own

    def filled(self, has: Optional[Tensor], T: int) -> Tensor:
        """For each step the fraction of the batch that has it, [time]; 0 where no step has enough examples."""
        if has is None:
            return torch.ones(T, dtype=self.batches.dtype, device=self.batches.device)
        n = has.sum(-1).reshape(-1)
        enough = n >= min(2, has.shape[-1])
        return (n * enough.any()).to(self.batches.dtype) / has.shape[-1]

    def weight(self, filled: Tensor, t: int) -> Tensor:
        """The weight of the batch: its fraction of everything seen so far, but at least \`momentum\`."""
        T = filled.shape[0]
        if t + T > self.steps:
            raise ValueError(f"{t + T} steps: statistics are kept for {self.steps}")
        before = self.batches[t : t + T]
        share = filled / (before + filled).clamp(min=1e-30)
        return torch.maximum(self.momentum * filled, share)

    def move(self, table: Tensor, i: int, weight: Tensor, t: int) -> None:
        """Moves the rows from t on towards the batch's."""
        own = torch.cat([s.detach() for s in self.seen[i]])
        own = own.reshape([-1] + list(table.shape)[1:])
        rows = table[t : t + weight.shape[0]]
        rows += weight.reshape([-1] + [1] * (table.dim() - 1)) * (own - rows)

    def counted(self, filled: Tensor, t: int) -> None:
        """Counts the batch."""
        self.batches[t : t + filled.shape[0]] += filled
        self.last = []
        for seen in self.seen:
            seen.clear()

    def extend(self, table: Tensor) -> None:
        """Rows that no batch has reached repeat the nearest one before them that one has, or else the first such row."""
        known = self.batches > 0
        t = torch.arange(self.steps, device=known.device)
        nearest = torch.where(known, t, torch.full_like(t, -1)).cummax(0)[0]
        table.copy_(table[torch.where(nearest < 0, known.int().argmax(0), nearest)])`;

/** In place of \`weight\` and \`move\`, for statistics that all steps share. */
export const sharedPopulation = `
class SharedPopulation(Population):
    """The same, with one row for all steps."""

    def __init__(self, statistics: int, momentum: float):
        super().__init__(statistics, 1, momentum)

    def move_shared(self, table: Tensor, i: int, filled: Tensor, weight: Tensor) -> None:
        """Moves the row towards the mean over the batch's steps, each of which weighs as much as it has examples."""
        own = torch.cat([s.detach() for s in self.seen[i]])
        own = own.reshape([-1] + list(table.shape)[1:])
        if own.shape[0] > 1:
            n = filled.reshape([-1] + [1] * (table.dim() - 1))
            own = (n * own).sum(0, keepdim=True) / n.sum().clamp(min=1e-30)
        table += weight * (own - table)`;
