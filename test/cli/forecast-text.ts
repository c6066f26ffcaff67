/** Small cells and models for the data of a test's own. */

/** A cell of one product with its input, and one with its state. */
const stepText = (D: number, H: number): string => `cell step(D = ${D}, H = ${H}) {
  param W  : [D, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0
  h' = tanh(x @ W + h @ Wh)
  output h'
}
`;

/** A forecast of N numbers from its last state; `more` are lines of the model besides. */
export const forecastText = (D: number, H: number, more = ""): string => `model forecast(D = ${D}, H = ${H}, N = 3) {
  param V  : [H, N] = orthogonal
  input x  : [D] over time
  target y : [N]
  hs = scan step(D, H) over x
  z = last(hs) @ V
  output z
${more}  loss mse(z, y)
}
${stepText(D, H)}`;
