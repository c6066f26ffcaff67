"""BNLSTM: `bnlstm`, as a PyTorch module.

The text that it is made from:

    // The batch-normalized LSTM (Cooijmans et al. 2016, eq. 6–8).
    //   f, i, o, g = BN(h Wh; γh) + BN(x Wx; γx) + b
    //   c' = σ(f) ∘ c + σ(i) ∘ tanh(g)
    //   h' = σ(o) ∘ tanh(BN(c'; γc, βc))
    // Both products have no shift of their own: b is there already, and two would be one too many. The same cell is
    // `lstm with { … }`; it is written out here to be read beside the paper.
    cell bnlstm(D = 28, H = 100) {
      param Wx : [D, 4H] = orthogonal
      param Wh : [H, 4H] = identity
      param b  : [4H]    = blocks(1, 0, 0, 0)  // forget gates begin open, as in the authors' code
      input x  : [D]
      state h  : [H] = 0
      state c  : [H] = 0

      site hh = h @ Wh
      site xh = x @ Wx
      f, i, o, g = split(hh + xh + b, 4)
      c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
      site cc = c'
      h' = sigmoid(o) * tanh(cc)
      output h'

      place hh, xh : batch(gamma = 0.1, beta = none)
      place cc     : batch(gamma = 0.1)
    }
"""

from typing import List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn


def which_steps(lengths: Optional[Tensor], own: int, T: int, like: Tensor) -> Optional[Tensor]:
    """Which of T steps each example has, [time, batch]: `lengths` [batch] of them, or all of its `own`. None if all have all."""
    if lengths is None and own == T:
        return None
    t = torch.arange(T, device=like.device).unsqueeze(1)
    if lengths is None:
        return (t < own).expand(T, like.shape[1])
    return t < lengths.to(like.device)


def at_step(has: Optional[Tensor], t: int) -> Optional[Tensor]:
    """Which examples have step t, [batch]; None if all have."""
    if has is None:
        return None
    return has[t]


def wide(has: Tensor, x: Tensor) -> Tensor:
    """`has` with axes of extent 1 for the features of x."""
    return has.reshape(list(has.shape) + [1] * (x.dim() - has.dim()))


def keep(new: Tensor, old: Tensor, has: Optional[Tensor]) -> Tensor:
    """`new` for the examples that have this step, `old` for the others."""
    if has is None:
        return new
    return torch.where(wide(has, new), new, old)


def present(x: Tensor, has: Optional[Tensor]) -> Tensor:
    """x, but 0 at steps that an example lacks."""
    if has is None:
        return x
    return torch.where(wide(has, x), x, torch.zeros_like(x))


def reshape(x: Tensor, axes: int, shape: List[int]) -> Tensor:
    """The last `axes` axes of x in another shape."""
    return x.reshape(list(x.shape)[: x.dim() - axes] + shape)


def identity_(w: Tensor, gain: float = 1.0) -> None:
    """Makes w identity matrices side by side."""
    rows, columns = w.shape
    n = min(rows, columns)
    at = torch.arange(columns)
    w.zero_()
    w[at % n, at] = gain


def batch_mean(x: Tensor, axes: List[int], has: Optional[Tensor]) -> Tensor:
    """Mean over `axes`, of the examples that have the step; the axes stay, with extent 1."""
    if has is None:
        return x.mean(axes, keepdim=True)
    n = present(torch.ones_like(x), has).sum(axes, keepdim=True)
    return present(x, has).sum(axes, keepdim=True) / n.clamp(min=1)


class Population(nn.Module):
    """
    What norms over the batch share: statistics are the batch's in training, and the population's in evaluation.

    The population's have a row for each of the first `steps` time steps; later steps have the last row. A batch moves them by
    `momentum`, and the first batches by more, so that they are means from the start: `batches` counts what each row has seen.
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

    def population(self, table: Tensor, t: int, x: Tensor, features: int) -> Tensor:
        """The rows for x: that of step t, or, if x is a sequence [time, batch, features], those from t on."""
        last = table.shape[0] - 1
        if x.dim() == features + 1:
            return table[min(t, last)].unsqueeze(0)
        rows = torch.arange(t, t + x.shape[0], device=table.device).clamp(max=last)
        return table[rows].unsqueeze(1)

    def moments(
        self, i: int, x: Tensor, axes: List[int], has: Optional[Tensor], whole: bool = False
    ) -> Tuple[Tensor, Tensor]:
        """
        Mean and variance over `axes`, as statistics i and i + 1.

        `whole`: they are not of single steps, so that none has too few examples.
        """
        steps = None if whole else has
        m = self.record(i, batch_mean(x, axes, has), steps)
        return m, self.record(i + 1, batch_mean(torch.square(x - m), axes, has), steps)

    def record(self, i: int, own: Tensor, has: Optional[Tensor]) -> Tensor:
        """
        Keeps the batch's statistic i for `collect`, and returns what the norm uses of it.

        At steps that a single example of several has, its statistic is no use: it is its own mean. The last step that more had
        stands in for the others.
        """
        if has is None:
            return self.settle(i, own, None)
        return self.settle(i, own, wide(has.sum(-1, keepdim=True) >= min(2, has.shape[-1]), own))

    def settle(self, i: int, own: Tensor, enough: Optional[Tensor]) -> Tensor:
        """Keeps statistic i, halfway to the last step with enough examples where there are not `enough`."""
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

    def filled(self, has: Optional[Tensor], T: int) -> Tensor:
        """For each step the fraction of the batch that has it, [time]; 0 if no step has enough examples."""
        if has is None:
            return torch.ones(T, dtype=self.batches.dtype, device=self.batches.device)
        n = has.sum(-1).reshape(-1)
        enough = n >= min(2, has.shape[-1])
        return (n * enough.any()).to(self.batches.dtype) / has.shape[-1]

    def weight_now(self, filled: Tensor, t: int) -> Tensor:
        """The weight of the batch: its fraction of everything seen so far, but at least `momentum`."""
        T = filled.shape[0]
        if t + T > self.steps:
            raise ValueError(f"a batch has {t + T} steps, and statistics are kept for steps={self.steps}")
        before = self.batches[t : t + T]
        share = filled / (before + filled).clamp(min=1e-30)
        return torch.maximum(self.momentum * filled, share)

    def move_rows(self, table: Tensor, i: int, weight: Tensor, t: int) -> None:
        """Moves the rows from t on towards the batch's."""
        own = self.of_batch(table, i)[: weight.shape[0]]
        rows = table[t : t + weight.shape[0]]
        rows += weight.reshape([-1] + [1] * (table.dim() - 1)) * (own - rows)

    def of_batch(self, table: Tensor, i: int) -> Tensor:
        """The batch's statistic i, a row for each of its steps."""
        own = torch.cat(self.seen[i])
        return own.reshape([-1] + list(table.shape)[1:])

    def counted(self, filled: Tensor, t: int) -> None:
        """Counts the batch."""
        self.batches[t : t + filled.shape[0]] += filled
        self.forget()

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


class BatchNorm(Population):
    """The norm `batch`; x is a step [batch, features] or a sequence [time, batch, features]."""

    seen: List[List[Tensor]]
    settled: List[Tensor]
    batches: Tensor
    m: Tensor
    v: Tensor

    def __init__(self, H: int, steps: int, momentum: float):
        super().__init__(2, steps, momentum)
        self.g = nn.Parameter(torch.empty(4 * H))
        self.register_buffer("m", torch.zeros(steps, 4 * H))
        self.register_buffer("v", torch.zeros(steps, 4 * H))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Parameters as the norm begins with, and no statistics."""
        nn.init.constant_(self.g, 0.1)
        self.m.zero_()
        self.v.zero_()
        self.batches.zero_()

    def forward(self, x: Tensor, has: Optional[Tensor], t: int) -> Tensor:
        if self.training:
            self.alone = x.shape[-2] == 1
            m, v = self.moments(0, x, [-2], has)
        else:
            m = self.population(self.m, t, x, 1)
            v = self.population(self.v, t, x, 1)
        return self.g * (x - m) * torch.rsqrt(v + 0.00001)

    @torch.no_grad()
    def collect(self, has: Optional[Tensor], t: int, T: int) -> None:
        """Moves the population's statistics towards those of the batch, whose steps are t to t + T."""
        filled = self.filled(has, T)
        if self.alone:
            # A single example says nothing about a variance: it counts nowhere.
            filled = torch.zeros_like(filled)
        weight = self.weight_now(filled, t)
        self.move_rows(self.m, 0, weight, t)
        self.move_rows(self.v, 1, weight, t)
        self.counted(filled, t)
        if t > 0 or T < self.steps or has is not None:
            self.extend(self.m)
            self.extend(self.v)


class BatchNorm_2(Population):
    """The norm `batch`; x is a step [batch, features] or a sequence [time, batch, features]."""

    seen: List[List[Tensor]]
    settled: List[Tensor]
    batches: Tensor
    m: Tensor
    v: Tensor

    def __init__(self, H: int, steps: int, momentum: float):
        super().__init__(2, steps, momentum)
        self.g = nn.Parameter(torch.empty(H))
        self.k = nn.Parameter(torch.empty(H))
        self.register_buffer("m", torch.zeros(steps, H))
        self.register_buffer("v", torch.zeros(steps, H))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Parameters as the norm begins with, and no statistics."""
        nn.init.constant_(self.g, 0.1)
        nn.init.zeros_(self.k)
        self.m.zero_()
        self.v.zero_()
        self.batches.zero_()

    def forward(self, x: Tensor, has: Optional[Tensor], t: int) -> Tensor:
        if self.training:
            self.alone = x.shape[-2] == 1
            m, v = self.moments(0, x, [-2], has)
        else:
            m = self.population(self.m, t, x, 1)
            v = self.population(self.v, t, x, 1)
        return self.g * (x - m) * torch.rsqrt(v + 0.00001) + self.k

    @torch.no_grad()
    def collect(self, has: Optional[Tensor], t: int, T: int) -> None:
        """Moves the population's statistics towards those of the batch, whose steps are t to t + T."""
        filled = self.filled(has, T)
        if self.alone:
            # A single example says nothing about a variance: it counts nowhere.
            filled = torch.zeros_like(filled)
        weight = self.weight_now(filled, t)
        self.move_rows(self.m, 0, weight, t)
        self.move_rows(self.v, 1, weight, t)
        self.counted(filled, t)
        if t > 0 or T < self.steps or has is not None:
            self.extend(self.m)
            self.extend(self.v)


class State(NamedTuple):
    """What goes on from step to step, [batch, …], and how many steps were taken."""

    h: Tensor
    c: Tensor
    t: int


class BNLSTM(nn.Module):
    """The cell `bnlstm`."""

    def __init__(self, D: int = 28, H: int = 100, steps: int = 784, momentum: float = 0.1):
        super().__init__()
        self.D, self.H = D, H
        self.Wx = nn.Parameter(torch.empty(D, 4 * H))
        self.Wh = nn.Parameter(torch.empty(H, 4 * H))
        self.b = nn.Parameter(torch.empty(4 * H))
        self.xh = BatchNorm(H, steps, momentum)
        self.hh = BatchNorm(H, steps, momentum)
        self.cc = BatchNorm_2(H, steps, momentum)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Parameters as the cell begins with; and no statistics."""
        nn.init.orthogonal_(self.Wx)
        identity_(self.Wh)
        parts = self.b.chunk(4, -1)
        nn.init.ones_(parts[0])
        nn.init.zeros_(parts[1])
        nn.init.zeros_(parts[2])
        nn.init.zeros_(parts[3])
        self.xh.reset_parameters()
        self.hh.reset_parameters()
        self.cc.reset_parameters()

    def forward(
        self, x: Tensor, state: Optional[State] = None, lengths: Optional[Tensor] = None
    ) -> Tuple[Tensor, State]:
        """
        x [batch, time, D] → h [batch, time, H] and the state after the last step.

        `lengths` [batch]: how many steps each example has, if not all. What stands after its last step counts nowhere.
        """
        x = x.transpose(0, 1)
        T, B = x.shape[0], x.shape[1]
        has = which_steps(lengths, x.shape[0], T, x)
        start = 0 if state is None else state.t
        if self.training:
            self.xh.forget()
            self.hh.forget()
            self.cc.forget()
        xh = self.xh(x @ self.Wx, has, start)
        h_first = self.Wx.new_zeros([B, self.H])
        h = h_first if state is None else state.h
        c = h_first if state is None else state.c
        hs: List[Tensor] = []
        for t, xh_t in enumerate(xh.unbind(0)):
            now = at_step(has, t)
            hh = self.hh(h @ self.Wh, now, start + t)
            f, i, o, g = (hh + xh_t + self.b).chunk(4, -1)
            c_next = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            cc = self.cc(c_next, now, start + t)
            h_next = torch.sigmoid(o) * torch.tanh(cc)
            h, c = keep(h_next, h, now), keep(c_next, c, now)
            hs.append(h)
        if self.training:
            self.xh.collect(has, start, T)
            self.hh.collect(has, start, T)
            self.cc.collect(has, start, T)
        return present(torch.stack(hs), has).transpose(0, 1), State(h, c, start + T)

    def step(self, x: Tensor, state: Optional[State] = None) -> Tuple[Tensor, State]:
        """One step of a stream: inputs [batch, …], and the state that the step before returned."""
        h, state = self.forward(x.unsqueeze(1), state)
        return h[:, 0], state
