"""LSTM: `lstm`, as a PyTorch module.

The text that it is made from:

    // Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000).
    //   f, i, o, g = h Wh + x Wx + b
    //   c' = σ(f) ∘ c + σ(i) ∘ tanh(g)
    //   h' = σ(o) ∘ tanh(c')
    // The sites are those of Cooijmans et al. 2016, eq. 6–8: norms can stand on both products and on the new cell state.
    cell lstm(D = 28, H = 100) {
      param Wx : [D, 4H] = orthogonal
      param Wh : [H, 4H] = orthogonal
      param b  : [4H]    = blocks(1, 0, 0, 0)  // forget gates begin open (Jozefowicz et al. 2015)
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


class State(NamedTuple):
    """What goes on from step to step, [batch, …], and how many steps were taken."""

    h: Tensor
    c: Tensor
    t: int


class LSTM(nn.Module):
    """The cell `lstm`."""

    def __init__(self, D: int = 28, H: int = 100):
        super().__init__()
        self.D, self.H = D, H
        self.Wx = nn.Parameter(torch.empty(D, 4 * H))
        self.Wh = nn.Parameter(torch.empty(H, 4 * H))
        self.b = nn.Parameter(torch.empty(4 * H))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Parameters as the cell begins with; and no statistics."""
        nn.init.orthogonal_(self.Wx)
        nn.init.orthogonal_(self.Wh)
        parts = self.b.chunk(4, -1)
        nn.init.ones_(parts[0])
        nn.init.zeros_(parts[1])
        nn.init.zeros_(parts[2])
        nn.init.zeros_(parts[3])

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
        xh = x @ self.Wx
        h_first = self.Wx.new_zeros([B, self.H])
        h = h_first if state is None else state.h
        c = h_first if state is None else state.c
        hs: List[Tensor] = []
        for t, xh_t in enumerate(xh.unbind(0)):
            now = at_step(has, t)
            hh = h @ self.Wh
            f, i, o, g = (hh + xh_t + self.b).chunk(4, -1)
            c_next = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h_next = torch.sigmoid(o) * torch.tanh(c_next)
            h, c = keep(h_next, h, now), keep(c_next, c, now)
            hs.append(h)
        return present(torch.stack(hs), has).transpose(0, 1), State(h, c, start + T)

    def step(self, x: Tensor, state: Optional[State] = None) -> Tuple[Tensor, State]:
        """One step of a stream: inputs [batch, …], and the state that the step before returned."""
        h, state = self.forward(x.unsqueeze(1), state)
        return h[:, 0], state
