/**
 * Functions that a printed module brings along, as far as it uses them. All of them run under `torch.jit.script`.
 *
 * `has` says which steps the examples of a batch have: [time, batch] of a sequence and [batch] of a step, or None if all have all.
 */

/** By name: the text, and the other helpers that it calls. */
interface Helper {
  readonly text: string;
  readonly calls?: readonly HelperName[];
}

export type HelperName = keyof typeof helpers;

/** The name of a function. A file brings along those that its text names. */
export const helper = (name: HelperName): HelperName => name;

export const helpers = {
  which_steps: {
    text: `
def which_steps(lengths: Optional[Tensor], own: int, T: int, like: Tensor) -> Optional[Tensor]:
    """Which of T steps each example has, [time, batch]: \`lengths\` [batch] of them, or all of its \`own\`. None if all have all."""
    if lengths is None and own == T:
        return None
    t = torch.arange(T, device=like.device).unsqueeze(1)
    if lengths is None:
        return (t < own).expand(T, like.shape[1])
    return t < lengths.to(like.device)`,
  },
  all_steps: {
    text: `
def all_steps(has: Optional[Tensor], T: int, B: int, like: Tensor) -> Tensor:
    """\`has\` as a tensor in any case."""
    if has is None:
        return torch.ones(T, B, dtype=torch.bool, device=like.device)
    return has`,
  },
  last_steps: {
    text: `
def last_steps(has: Tensor) -> Tensor:
    """Where each example has its last step, [time, batch]."""
    t = torch.arange(has.shape[0], device=has.device).unsqueeze(1)
    return t == has.sum(0) - 1`,
  },
  first_steps: {
    text: `
def first_steps(has: Tensor) -> Tensor:
    """Where each example has its first step, [time, batch]."""
    t = torch.arange(has.shape[0], device=has.device).unsqueeze(1)
    return has & (t == 0)`,
  },
  at_step: {
    text: `
def at_step(has: Optional[Tensor], t: int) -> Optional[Tensor]:
    """Which examples have step t, [batch]; None if all have."""
    if has is None:
        return None
    return has[t]`,
  },
  wide: {
    text: `
def wide(has: Tensor, x: Tensor) -> Tensor:
    """\`has\` with axes of extent 1 for the features of x."""
    return has.reshape(list(has.shape) + [1] * (x.dim() - has.dim()))`,
  },
  keep: {
    calls: ["wide"],
    text: `
def keep(new: Tensor, old: Tensor, has: Optional[Tensor]) -> Tensor:
    """\`new\` for the examples that have this step, \`old\` for the others."""
    if has is None:
        return new
    return torch.where(wide(has, new), new, old)`,
  },
  present: {
    calls: ["wide"],
    text: `
def present(x: Tensor, has: Optional[Tensor]) -> Tensor:
    """x, but 0 at steps that an example lacks."""
    if has is None:
        return x
    return torch.where(wide(has, x), x, torch.zeros_like(x))`,
  },
  pad_steps: {
    text: `
def pad_steps(x: Tensor, T: int) -> Tensor:
    """A sequence, time first, with zeros up to T steps."""
    if x.shape[0] == T:
        return x
    return torch.cat([x, x.new_zeros([T - x.shape[0]] + list(x.shape)[1:])])`,
  },
  root: {
    text: `
def root(x: Tensor) -> Tensor:
    """√x, whose gradient is 0 where x is 0: infinity is of no use there."""
    zero = x == 0
    return torch.sqrt(torch.where(zero, torch.ones_like(x), x)).masked_fill(zero, 0.0)`,
  },
  reshape: {
    text: `
def reshape(x: Tensor, axes: int, shape: List[int]) -> Tensor:
    """The last \`axes\` axes of x in another shape."""
    return x.reshape(list(x.shape)[: x.dim() - axes] + shape)`,
  },
  delayed: {
    text: `
def delayed(x: Tensor, by: int) -> Tensor:
    """A sequence \`by\` steps later (earlier, if \`by\` is negative), with zeros where there is no such step."""
    T = x.shape[0]
    gap = torch.zeros_like(x[: min(abs(by), T)])
    return torch.cat([gap, x[: max(T - by, 0)]]) if by > 0 else torch.cat([x[min(-by, T) :], gap])`,
  },
  reverse_steps: {
    text: `
def reverse_steps(x: Tensor, span: Tensor) -> Tensor:
    """Each example's first \`span\` [batch] steps in reverse order, and zeros after them."""
    T = x.shape[0]
    at = span.long() - 1 - torch.arange(T, device=x.device).unsqueeze(1)
    at = at.reshape(list(at.shape) + [1] * (x.dim() - 2))
    return torch.gather(x, 0, at.clamp(min=0).expand([T] + list(x.shape)[1:])).masked_fill(at < 0, 0)`,
  },
  put_step: {
    text: `
def put_step(x: Tensor, T: int, at: int) -> Tensor:
    """T steps of zeros, but x at the first (0) or the last (-1)."""
    y = [torch.zeros_like(x)] * T
    y[at] = x
    return torch.stack(y)`,
  },
  rows_of_steps: {
    calls: ["pad_steps"],
    text: `
def rows_of_steps(rows: Tensor, T: int) -> Tensor:
    """Rows, along the first axis, as the steps of a sequence; zeros where there are no more."""
    return pad_steps(rows[:T], T)`,
  },
  take_rows: {
    text: `
def take_rows(table: Tensor, index: Tensor) -> Tensor:
    """For each element of \`index\` that row of its own table: [..., V, n] and [...] make [..., n]."""
    at = index.reshape(list(index.shape) + [1, 1])
    return torch.gather(table.expand(list(index.shape) + list(table.shape)[-2:]), -2, at.expand(list(index.shape) + [1, table.shape[-1]])).squeeze(-2)`,
  },
  overlap: {
    text: `
def overlap(x: Tensor, axis: int, stride: int, dilation: int) -> Tensor:
    """Windows [.., count, size, ..], counted by \`axis\` from the end, laid along one axis and added up where they overlap."""
    count, size = x.shape[axis - 1], x.shape[axis]
    x = x.movedim([axis - 1, axis], [-2, -1])
    y = x.new_zeros(list(x.shape)[:-2] + [(count - 1) * stride + (size - 1) * dilation + 1])
    for k in range(size):
        at = torch.arange(count, device=x.device) * stride + k * dilation
        y = y.index_add(-1, at, x[..., k])
    return y.movedim(-1, axis)`,
  },
  group_sums: {
    text: `
def group_sums(x: Tensor, axis: int, group: int) -> Tensor:
    """For each example, along \`axis\`, the sum over its group of \`group\` consecutive ones."""
    parts = [part.sum(axis, keepdim=True).expand_as(part) for part in x.split(group, axis)]
    return torch.cat(parts, axis)`,
  },
  bernoulli: {
    text: `
def bernoulli(keep: float, shape: List[int], training: bool, like: Tensor) -> Tensor:
    """A mask: 1 with probability \`keep\`, else 0. In evaluation, its expectation."""
    mask = torch.full(shape, keep, dtype=like.dtype, device=like.device)
    return torch.bernoulli(mask) if training else mask`,
  },
  randn: {
    text: `
def randn(scale: float, shape: List[int], training: bool, like: Tensor) -> Tensor:
    """Normal numbers with this deviation. In evaluation, their mean."""
    if not training:
        return torch.zeros(shape, dtype=like.dtype, device=like.device)
    return scale * torch.randn(shape, dtype=like.dtype, device=like.device)`,
  },
  rand: {
    text: `
def rand(scale: float, shape: List[int], training: bool, like: Tensor) -> Tensor:
    """Uniform numbers from 0 to \`scale\`. In evaluation, their mean."""
    if not training:
        return torch.full(shape, scale / 2, dtype=like.dtype, device=like.device)
    return scale * torch.rand(shape, dtype=like.dtype, device=like.device)`,
  },
  identity_: {
    text: `
def identity_(w: Tensor, gain: float = 1.0) -> None:
    """Makes w identity matrices side by side."""
    rows, columns = w.shape
    n = min(rows, columns)
    at = torch.arange(columns)
    w.zero_()
    w[at % n, at] = gain`,
  },
  ramp: {
    text: `
def ramp(updates: Tensor, training: bool, start: float, end: float, first: int, last: int) -> Tensor:
    """\`start\` until \`first\` updates are done, \`end\` from \`last\` on, linear in between; \`end\` in evaluation."""
    share = (updates >= last).double() if first == last else ((updates - first) / (last - first)).clamp(0.0, 1.0)
    share = share if training else torch.ones_like(share)
    return start + (end - start) * share`,
  },
} as const satisfies Readonly<Record<string, { readonly text: string; readonly calls?: readonly string[] }>>;

export const helperNames = Object.keys(helpers) as readonly HelperName[];

/** The text of these helpers and of those that they call, in the order of the table. */
export function helperLines(used: ReadonlySet<HelperName>): readonly string[] {
  const all = new Set<HelperName>();
  const add = (name: HelperName): void => {
    all.add(name);
    (helpers[name] as Helper).calls?.forEach(add);
  };
  used.forEach(add);
  return helperNames.flatMap((name) => (all.has(name) ? ["", ...helpers[name].text.split("\n")] : []));
}
