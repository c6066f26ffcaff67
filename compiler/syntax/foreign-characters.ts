/** What to write instead of characters that have a meaning on paper or in another language, and none here. */

const operators: Readonly<Record<string, string>> = {
  "×": "multiply element by element with *, and a vector with a matrix with @: x @ W",
  "·": "multiply element by element with *, and a vector with a matrix with @: x @ W",
  "⋅": "multiply element by element with *, and a vector with a matrix with @: x @ W",
  "⊙": "write *, which multiplies element by element",
  "∘": "write *, which multiplies element by element",
  "⊗": "write *, which multiplies element by element",
  "÷": "write /",
  "−": "write -",
  "–": "write -",
  "≤": "write <=",
  "≥": "write >=",
  "≠": "write !=",
  "←": "an equation is written with =",
  "≔": "an equation is written with =",
  "∑": "write sum(x, over feature)",
  "√": "write sqrt(x)",
  "²": "write ^2",
  "³": "write ^3",
  ᵀ: "write transpose(W)",
  "⊤": "write transpose(W)",
  "“": 'put file names in double quotes: "./lstm.cell"',
  "”": 'put file names in double quotes: "./lstm.cell"',
  "?": "write where(condition, a, b)",
  "||": "write `or`: a < b or b < c",
  "|": "write `or`: a < b or b < c; a magnitude is abs(x)",
  "&&": "write `and`: a < b and b < c",
  "&": "write `and`: a < b and b < c",
  "!": "write `not a`, or compare with !=",
  "#": "comments begin with //",
  "%": "write mod(a, b)",
  "\\": "a statement goes on after an operator at the end of a line, and inside brackets",
  "∈": "a shape follows a colon: input x : [D]",
  "→": "a function is written fn f(x) { x + 1 }",
};

const letters: Readonly<Record<string, string>> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  δ: "delta",
  ε: "eps",
  ϵ: "eps",
  η: "eta",
  θ: "theta",
  κ: "kappa",
  λ: "lambda",
  μ: "mu",
  µ: "mu",
  ν: "nu",
  π: "pi",
  ρ: "rho",
  τ: "tau",
  φ: "phi",
  ϕ: "phi",
  ψ: "psi",
  ω: "omega",
  Γ: "Gamma",
  Δ: "Delta",
  Θ: "Theta",
  Λ: "Lambda",
  Σ: "Sigma",
  Φ: "Phi",
  Ω: "Omega",
};

const named = "names are made of a–z, A–Z, 0–9 and _";

/** The help for `image`, a run of characters that begin no word. `call`: a bracket follows, as after a function. */
export function foreignHelp(image: string, call: boolean): string | undefined {
  if (Object.hasOwn(operators, image)) return operators[image];
  if (image === "σ") return call ? "write sigmoid(x)" : `${named}: write \`sigma\`, or sigmoid(x) for the function`;
  if (Object.hasOwn(letters, image)) return `${named}: write \`${letters[image]}\``;
  if (/^[₀-₉ₐ-ₜ₊₋]+$/u.test(image)) return `${named}; time is not written: \`h\` is before this step, \`h'\` after it`;
  if (image.startsWith("'")) return "a prime directly follows a name: h'";
  if (!/\p{L}/u.test(image)) return undefined;
  const plain = image.normalize("NFD").replace(/[^A-Za-z0-9_]/g, "");
  return `${named}: write ${plain === "" ? "`gamma` for γ" : `\`${plain}\``}`;
}
