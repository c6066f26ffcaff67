/** The text of an LSTM from 3 to 4 units, with norms at its sites. */

interface Differently {
  readonly name?: string;
  /** What its first h is, and what that needs. */
  readonly first?: string;
  readonly params?: string;
}

export const lstmText = (
  norm: string,
  { name = "lstm", first = "0", params = "" }: Differently = {},
): string => `cell ${name}(D = 3, H = 4) {
  param Wx : [D, 4H] = orthogonal
  param Wh : [H, 4H] = orthogonal
  param b  : [4H] = 0.1
  ${params}
  input x  : [D]
  state h  : [H] = ${first}
  state c  : [H] = 0.5
  site hh = h @ Wh
  site xh = x @ Wx
  f, i, o, g = split(hh + xh + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  site cc = c'
  h' = sigmoid(o) * tanh(cc)
  output h'
  place hh, xh, cc : ${norm}
}
`;
