/** What to write instead of a function that does not exist: it may be misspelt, or have another name in other libraries. */
import { distance, nearest } from "../diagnostics/nearest.ts";
import { builtins } from "./builtins.ts";
import { isInitialiser } from "./initialisers.ts";
import type { Module } from "./modules.ts";
import { usualNorm } from "./norm-aliases.ts";

/**
 * Names that other libraries have, lower case and without `_`, by what is written here: a function's name, or an expression. Names that
 * differ from ours in that alone need no entry.
 */
export const elsewhere: Readonly<Record<string, string>> = {
  // Activations and functions of an element.
  ...named("sigmoid", "sigm logistic expit sigmoidal"),
  ...named("abs", "fabs absolute"),
  ...named("log", "ln loge"),
  ...named("sign", "sgn signum"),
  ...named("pow", "power"),
  ...named("square", "sqr squared"),
  ...named("gelu_tanh", "gelunew gelufast quickgelu approximategelu"),
  ...named("leaky_relu", "lrelu"),
  ...named("mod", "fmod remainder modulo rem"),
  ...named("round", "rint nearbyint"),
  ...named("ceil", "ceiling"),
  ...named("atan", "arctan"),
  ...named("atan2", "arctan2"),
  ...named("asin", "arcsin"),
  ...named("acos", "arccos"),
  ...named("clamp", "clipbyvalue hardclip"),
  ...named("max", "maximum amax reducemax fmax"),
  ...named("min", "minimum amin reducemin fmin"),
  ...named("where", "if ifelse cond select iif"),
  ...named("stop", "detach stopgradient stopgrad nograd"),
  ...named("lgamma", "gammaln loggamma logamma"),
  log2: "log(x) / log(2)",
  log10: "log(x) / log(10)",
  exp2: "2^x",
  erfc: "1 - erf(x)",
  cbrt: "x^(1 / 3)",
  reciprocal: "1 / x",
  trunc: "sign(x) * floor(abs(x))",
  atanh: "(log1p(x) - log1p(-x)) / 2",
  arctanh: "(log1p(x) - log1p(-x)) / 2",
  swiglu: "silu(a) * b",
  geglu: "gelu(a) * b",
  // Comparisons and logic.
  logicaland: "a and b",
  logicalor: "a or b",
  logicalnot: "not a",
  equal: "a == b",
  notequal: "a != b",
  less: "a < b",
  greater: "a > b",
  // Reductions, and what is over features.
  ...named("sum", "reducesum"),
  ...named("mean", "reducemean average avg"),
  ...named("var", "variance"),
  ...named("std", "stddev stdev standarddeviation"),
  ...named("logsumexp", "lse reducelogsumexp"),
  ...named("softmax", "softmax1d"),
  // Shapes and parts.
  ...named("concat", "concatenate cat hstack"),
  ...named("split", "chunk unstack"),
  ...named("reshape", "view squeeze unsqueeze expanddims"),
  ...named("transpose", "permute swapaxes t"),
  ...named("range", "arange linspace iota"),
  ...named("size", "len length"),
  ...named("embed", "lookup gather take"),
  zeroslike: "0 * x",
  oneslike: "1 + 0 * x",
  // Products.
  matmul: "x @ W",
  mm: "x @ W",
  mv: "x @ W",
  ...{ mul: "a * b", multiply: "a * b", add: "a + b", subtract: "a - b", sub: "a - b", div: "a / b", divide: "a / b" },
  norm: "sqrt(sum(x^2, over feature))",
  einsum: 'dot(a, b, "ik,kj->ij")',
  tensordot: 'dot(a, b, "ik,kj->ij")',
  ...named("headwise", "bmm"),
  // Time and rounds.
  ...named("cumsum", "cumulativesum"),
  ...named("delay", "lag"),
  ...named("iterate", "loop"),
  // Losses.
  ...named("cross_entropy", "nll nllloss crossentropyloss softmaxcrossentropy sparsecategoricalcrossentropy"),
  ...named(
    "binary_cross_entropy",
    "bce bceloss bcewithlogits bcewithlogitsloss binarycrossentropywithlogits sigmoidcrossentropy",
  ),
  ...named("mae", "l1loss meanabsoluteerror"),
  ...named("mse", "mseloss l2loss meansquarederror"),
  ...named("huber", "huberloss smoothl1 smoothl1loss"),
  ...named("quantile", "pinball pinballloss quantileloss"),
  ...named("gaussian_nll", "gaussiannllloss normalnll"),
  ...named("poisson_nll", "poissonnllloss"),
  ...named("kl", "kldiv kldivloss kldivergence"),
  ...named("correct", "accuracy"),
  // Chance.
  ...named("mask", "bernoulli"),
  ...named("noise", "randn normal gaussian randomnormal"),
  ...named("uniform_noise", "rand"),
  gumbel: "-log(-log(uniform_noise(0.001, 0.999, [K])))",
};

/** Layers and declarations of other libraries, likewise, and what to do instead. */
export const advice: Readonly<Record<string, string>> = {
  linear: "declare its weights: `param W : [D, H] = xavier`, and write x @ W + b",
  dense: "declare its weights: `param W : [D, H] = xavier`, and write x @ W + b",
  embedding: "declare its weights: `param E : [V, D] = normal(0.1)`, and write embed(i, E)",
  parameter: "declare it: `param b : [H] = 0`",
  eye: "declare it: `const I : [H, H] = identity`",
  identity: "declare it: `const I : [H, H] = identity`",
  tril: "multiply by `const lower : [H, H] = where(rows >= range, 1, 0)`",
  triu: "multiply by `const upper : [H, H] = where(rows <= range, 1, 0)`",
  diag: "a product with a diagonal matrix is one with a vector: h * v",
  ema: "keep it as a state: `state s : [H] = 0`, and s' = 0.9 * s + 0.1 * x",
  bidirectional: "scan twice, once with `reverse`, and concat(f, b)",
  ...named(
    "write conv(x, W), channels last: x [n, c] with W [k, c, f]; of a sequence's steps, conv(xs, W, over time)",
    "conv1d causalconv1d",
  ),
  ...named("write conv(x, W), channels last: x [n, m, c] with W [k, l, c, f]", "conv2d convolution2d"),
  ...named(
    "put neighbours beside each other: a, b = split(reshape(x, [N / 2, 2 * C]), 2), then max(a, b), or (a + b) / 2",
    "maxpool maxpool1d maxpool2d avgpool avgpool1d avgpool2d pool",
  ),
  ...named(
    "write minus the log-density: lgamma(nu / 2) - lgamma((nu + 1) / 2) + log(pi * nu) / 2 + log(s) + (nu + 1) / 2 * log1p(((y - mu) / s)^2 / nu)",
    "studenttnll studentt studenttloss",
  ),
  ...named(
    "write it with r = 1 / a: lgamma(y + 1) + lgamma(r) - lgamma(y + r) + (r + y) * log1p(a * mu) - y * log(a * mu)",
    "negativebinomialnll negativebinomial negativebinomialloss",
  ),
  attention: "write it: a = softmax(hs @ v, over time); docs/cookbook.md has other kinds",
};

function named(ours: string, theirs: string): Readonly<Record<string, string>> {
  return Object.fromEntries(theirs.split(" ").map((name) => [name, ours]));
}

const plain = (name: string): string => name.toLowerCase().replaceAll("_", "");

/** A help line for the call of `name`, which `module` does not know. */
export function functionHelp(name: string, module: Module): string {
  const declared = [...module.names].flatMap(([n, d]) => (d.decl.kind === "fn" ? [n] : []));
  const functions = [...declared, ...Object.keys(builtins)];
  const key = plain(name);
  const same = functions.find((f) => plain(f) === key);
  const known = Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined;
  const isKnown = known !== undefined || Object.hasOwn(advice, key);
  const close = same ?? (isKnown ? undefined : misspelt(name, functions));
  if (close !== undefined) return `did you mean \`${close}\`?`;
  if (known !== undefined) return /^\w+$/.test(known) ? `did you mean \`${known}\`?` : `write \`${known}\``;
  if (Object.hasOwn(advice, key)) return advice[key];
  const norm = usualNorm(name);
  if (norm !== undefined) return `norms are placed: \`site s = …\`, then \`place s : ${norm}\``;
  return "docs/language.md lists all functions under “Builtin functions”; others are written with `fn`";
}

/** A help line for a name that is a function's, or an initialiser's, and was not called. */
export function functionOfName(name: string): string | undefined {
  if (Object.hasOwn(builtins, name)) return `it is a function: ${builtins[name].signature}`;
  if (Object.hasOwn(advice, name)) return advice[name];
  return isInitialiser(name) ? `it initialises: declare \`const C : [H, H] = ${name}\`, and write C` : undefined;
}

/** The function that `name` most likely means: no more than one edit in three letters, so that `conv` does not become `cos`. */
function misspelt(name: string, functions: readonly string[]): string | undefined {
  const best = nearest(name, functions);
  return best !== undefined && distance(name, best) * 3 <= Math.max(name.length, best.length) ? best : undefined;
}
