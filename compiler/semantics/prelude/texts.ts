/** The `.cell` files of this folder, by the paths that spans name. Made by `npm run build:prelude`: edit those, not this. */
export const preludeTexts: readonly (readonly [path: string, text: string])[] = [
  [
    "prelude/functions.cell",
    `// The functions that every file can use without an import. Features are the last axis.

// The largest value is subtracted before exp, so that nothing overflows; it cancels out, so it needs no derivative.
fn softmax(x, over axes = feature) {
  e = exp(x - stop(max(x, over axes)))
  e / sum(e, over axes)
}

fn log_softmax(x, over axes = feature) {
  d = x - stop(max(x, over axes))
  d - log(sum(exp(d), over axes))
}

// Minus the log-probability of class y.
fn cross_entropy(logits, y) { -sum(one_hot(y, size(logits)) * log_softmax(logits), over feature) }

// 1 where the largest logit is that of class y, else 0.
fn correct(logits, y) { argmax(logits) == y }

fn mse(a, b) { mean(square(a - b), over feature) }

fn mae(a, b) { mean(abs(a - b), over feature) }

// Huber 1964, eq. 2.3: with d = |a − b|, d²/2 up to delta, delta · (d − delta / 2) beyond.
fn huber(a, b, delta = 1) {
  d = abs(a - b)
  m = min(d, delta)
  mean(m * (d - m / 2), over feature)
}

// The loss that the q-quantile of y minimises, also called pinball loss (Koenker & Bassett 1978).
fn quantile(z, y, q) { mean(max(q * (y - z), (q - 1) * (y - z)), over feature) }

// Minus the log-density of a normal distribution, without its constant log(2π) / 2 (Nix & Weigend 1994).
fn gaussian_nll(mu, variance, y, eps = 1e-6) {
  v = max(variance, eps)
  mean((log(v) + square(y - mu) / v) / 2, over feature)
}

// Minus the log-likelihood of a Poisson distribution, without its constant log y!.
fn poisson_nll(log_rate, y) { mean(exp(log_rate) - y * log_rate, over feature) }

// −y log σ(x) − (1 − y) log(1 − σ(x)) of the logit x; no sigmoid is computed, whose logarithm would overflow. y may be any
// probability.
fn binary_cross_entropy(logits, y) { mean(y * softplus(-logits) + (1 - y) * softplus(logits), over feature) }

// The Kullback–Leibler divergence KL(p ‖ q) of the distributions softmax(p) and softmax(q).
fn kl(logits_p, logits_q) { sum(softmax(logits_p) * (log_softmax(logits_p) - log_softmax(logits_q)), over feature) }

// The mean square distance from the mean: divided by n, as norms have it, where PyTorch and R divide by n − 1.
fn var(x, over axes = feature) { mean(square(x - mean(x, over axes)), over axes) }

fn std(x, over axes = feature) { sqrt(var(x, over axes)) }

// log Σ eˣ, without overflow.
fn logsumexp(x, over axes = feature) {
  m = stop(max(x, over axes))
  m + log(sum(exp(x - m), over axes))
}

// log(eᵃ + eᵇ), from the larger one up.
fn logaddexp(a, b) {
  least = where(a > b, b, a)
  most = where(a > b, a, b)
  most + softplus(least - most)
}

// x as a vector of length 1 (a vector of zeros stays one), and the cosine of the angle between two vectors.
fn normalize(x, eps = 1e-12, over axes = feature) { x / max(sqrt(sum(square(x), over axes)), eps) }

fn cosine_similarity(a, b, eps = 1e-8, over axes = feature) {
  sum(normalize(a, eps, over axes) * normalize(b, eps, over axes), over axes)
}

// log Γ(x) for x > 0: Stirling's series at 8 or more, brought there by Γ(x + 1) = x Γ(x).
fn lgamma(x) {
  small = x < 8
  y = where(small, x, 1)
  z = where(small, x + 8, x)
  r = 1 / z
  q = r * r
  series = r * (1 / 12 - q * (1 / 360 - q * (1 / 1260 - q * (1 / 1680 - q / 1188))))
  moved = log(y * (y + 1) * (y + 2) * (y + 3)) + log((y + 4) * (y + 5) * (y + 6) * (y + 7))
  (z - 0.5) * log(z) - z + 0.9189385332046727 + series - where(small, moved, 0)
}

fn log_sigmoid(x) { -softplus(-x) }

// Elfwing, Uchibe & Doya 2018; as “swish” Ramachandran, Zoph & Le 2017.
fn silu(x) { x * sigmoid(x) }
fn swish(x) { silu(x) }

// x · Φ(x), where Φ is the normal distribution's function (Hendrycks & Gimpel 2016); then the paper's approximation by tanh.
fn gelu(x) { x * (1 + erf(x / sqrt(2))) / 2 }
fn gelu_tanh(x) { x * (1 + tanh(sqrt(2 / 3.141592653589793) * (x + 0.044715 * x^3))) / 2 }

// Clevert, Unterthiner & Hochreiter 2016. The exponent is bounded, so that what \`where\` leaves out does not overflow.
fn elu(x, alpha = 1) { where(x > 0, x, alpha * expm1(min(x, 0))) }

// Klambauer et al. 2017, with the constants of its eq. 14.
fn selu(x) { 1.0507009873554805 * elu(x, 1.6732632423543772) }

// Maas, Hannun & Ng 2013.
fn leaky_relu(x, slope = 0.01) { where(x > 0, x, slope * x) }

// Misra 2019.
fn mish(x) { x * tanh(softplus(x)) }

// Turian, Bergstra & Bengio 2009.
fn softsign(x) { x / (1 + abs(x)) }

fn clamp(x, low, high) { min(max(x, low), high) }
fn clip(x, low, high) { clamp(x, low, high) }

fn relu6(x) { min(relu(x), 6) }

// Courbariaux et al. 2015 have slope 1/2, Keras 1/5, PyTorch 1/6; as PyTorch's.
fn hard_sigmoid(x) { relu6(x + 3) / 6 }

fn hard_tanh(x, low = -1, high = 1) { clamp(x, low, high) }

// Howard et al. 2019.
fn hard_swish(x) { x * hard_sigmoid(x) }

// Gated linear unit: the first half of the features, gated by the second (Dauphin et al. 2017).
fn glu(x) {
  a, b = split(x, 2)
  a * sigmoid(b)
}

fn pow(x, p) { x^p }

// All features along one dimension, the last the fastest.
fn flatten(x) { reshape(x, [elements(x)]) }

// a − b · floor(a / b): at least 0 and less than b, or for negative b the other way round. The rounded quotient may be one too
// large or too small.
fn mod(a, b) {
  r = a - b * floor(a / b)
  s = where(sign(r) * b < 0, r + b, r)
  where(abs(s) >= abs(b), s - b, s)
}

fn ceil(x) { -floor(-x) }

// To the nearest whole number; halves to the even one, as IEEE 754 and PyTorch do.
fn round(x) {
  n = floor(x)
  d = x - n
  n + where(d == 0.5, n - 2 * floor(n / 2), d > 0.5)
}

// Two terms of the same sign, accurate near 0.
fn sinh(x) { (expm1(x) - expm1(-x)) / 2 }

fn cosh(x) { (exp(x) + exp(-x)) / 2 }

fn tan(x) { sin(x) / cos(x) }

// The angle of the point (x, y), from −π to π; 0 at the origin. The quotient is at most 1, and the derivative is right on the axes.
fn atan2(y, x) {
  steep = abs(y) > abs(x)
  d = where(steep, y, x)
  t = atan(where(steep, x, y) / where(d == 0, 1, d))
  half = where(y < 0, -3.141592653589793, 3.141592653589793)
  where(steep, half / 2 - t, t + where(x < 0, half, 0))
}

// By half the angle: sums of the same sign, accurate up to the ends.
fn asin(x) { 2 * atan(x / (1 + sqrt((1 - x) * (1 + x)))) }
fn acos(x) { 2 * atan2(sqrt(1 - x), sqrt(1 + x)) }

// Dropout: in training each element is 0 with probability \`rate\`, and the others are scaled up; at inference it is x itself
// (Srivastava et al. 2014). On the candidate tanh(g) of an LSTM it is the recurrent dropout of Semeniuta et al. 2016.
fn dropout(x, rate) { mask(1 - rate, x) / (1 - rate) * x }

// Dropout of the same elements at all steps of a sequence (Gal & Ghahramani 2016).
fn variational_dropout(x, rate) { sequence_mask(1 - rate, x) / (1 - rate) * x }

// Zoneout: in training each element keeps its old value with probability \`rate\`; at inference it is the expected value
// (Krueger et al. 2017).
fn zoneout(new, old, rate) {
  m = mask(1 - rate, new)
  m * new + (1 - m) * old
}
`,
  ],
  [
    "prelude/norms.cell",
    `// The norms every cell can place without an import. Copy one into your own file to change it.

// Batch normalization: each unit by its mean and variance over the examples, step by step in a recurrence
// (Ioffe & Szegedy 2015; in the recurrence Cooijmans et al. 2016, eq. 5–8, whose γ of 0.1 keeps tanh from saturating).
norm batch(x, gamma = 0.1, beta = 0, eps = 1e-5) {
  stat m = mean(x, over batch)
  stat v = mean((x - m)^2, over batch)
  param g : like x = gamma
  param k : like x = beta
  g * (x - m) * rsqrt(v + eps) + k
}

// Ghost batch normalization: as \`batch\`, over groups of n consecutive examples, so that large batches keep the noise of small ones
// (Hoffer, Hubara & Soudry 2017). The population averages over groups.
norm ghost(x, n = 16, gamma = 0.1, beta = 0, eps = 1e-5) {
  stat m = group_mean(x, n)
  stat v = group_mean((x - m)^2, n)
  param g : like x = gamma
  param k : like x = beta
  g * (x - m) * rsqrt(v + eps) + k
}

// Batch renormalization (Ioffe 2017, eq. 4–7): batch normalization, corrected towards normalization by the population's
// statistics, x̂ = (x − m) / s · r + d. Gradients treat r and d as constants, and their limits widen in the course of training.
// As in the paper, the standard deviation is averaged, not the variance.
norm batch_renorm(x, gamma = 0.1, beta = 0, eps = 1e-5, r_max = ramp(1, 3, 5000, 40000), d_max = ramp(0, 5, 5000, 25000)) {
  stat m = mean(x, over batch)
  stat s = sqrt(mean((x - m)^2, over batch) + eps)
  r = stop(max(1 / r_max, min(r_max, s / population(s))))
  d = stop(max(-d_max, min(d_max, (m - population(m)) / population(s))))
  param g : like x = gamma
  param k : like x = beta
  g * ((x - m) / s * r + d) + k
}

// L1 batch normalization: each unit by its mean and mean absolute deviation over the examples, which needs neither squares nor
// roots (Liao, Kawaguchi & Poggio 2016, Lp normalization with p = 1). Of normal values that deviation is √(2/π) of the standard
// deviation; \`gamma = 0.8 * g\` makes up for it.
norm l1(x, gamma = 0.1, beta = 0, eps = 1e-5) {
  stat m = mean(x, over batch)
  stat d = mean(abs(x - m), over batch)
  param g : like x = gamma
  param k : like x = beta
  g * (x - m) / (d + eps) + k
}

// Streaming normalization: one mean and variance for all steps, which mix the batch's own at this step, with the share \`own\`, and
// the moving averages over all steps and batches before (Liao, Kawaguchi & Poggio 2016, with α₂ = own and α₁ = 1 − own). Averages
// move once a batch, and only the batch's own share has a gradient; the paper moves them step by step and averages gradients, too.
norm streaming(x, own = 0.3, gamma = 0.1, beta = 0, eps = 1e-5, stats = shared) {
  stat m = mean(x, over batch)
  stat v = mean((x - m)^2, over batch)
  mixed_m = own * m + (1 - own) * population(m)
  mixed_v = own * v + (1 - own) * population(v)
  param g : like x = gamma
  param k : like x = beta
  g * (x - mixed_m) * rsqrt(mixed_v + eps) + k
}

// Batch normalization by the mean and variance over the examples and all steps, “sequence-wise” (Laurent et al. 2016; Amodei
// et al. 2016). Only for what does not depend on the recurrence.
norm sequence(x, gamma = 1, beta = 0, eps = 1e-5) {
  stat m = mean(x, over (batch, time))
  stat v = mean((x - m)^2, over (batch, time))
  param g : like x = gamma
  param k : like x = beta
  g * (x - m) * rsqrt(v + eps) + k
}

// Layer normalization: each example by the mean and variance of its own units (Ba, Kiros & Hinton 2016).
norm layer(x, gamma = 1, beta = 0, eps = 1e-5) {
  m = mean(x, over feature)
  v = mean((x - m)^2, over feature)
  param g : like x = gamma
  param k : like x = beta
  g * (x - m) * rsqrt(v + eps) + k
}

// Assorted-time normalization: layer norm whose mean and variance are over the units of the last k steps, as many as there were
// (Pospisil, Zadorozhnyy & Ye 2024). Of each step it keeps the mean and the variance about it, so that
//   σ² = mean of the variances + variance of the means,
// in which nothing cancels.
norm atn(x, k = 5, gamma = 1, beta = 0, eps = 1e-5) {
  state means  : [k] = 0
  state spread : [k] = 0
  state seen   : [k] = 0
  own = mean(x, over feature)
  means' = concat(means[1:], reshape(own, [1]))
  spread' = concat(spread[1:], reshape(mean((x - own)^2, over feature), [1]))
  seen' = concat(seen[1:], reshape(1, [1]))
  n = sum(seen', over feature)
  m = sum(seen' * means', over feature) / n
  v = sum(seen' * (spread' + (means' - m)^2), over feature) / n
  param g : like x = gamma
  param b : like x = beta
  g * (x - m) * rsqrt(v + eps) + b
}

// Root mean square normalization: layer normalization without centring (Zhang & Sennrich 2019).
norm rms(x, gamma = 1, eps = 1e-5) {
  param g : like x = gamma
  g * x * rsqrt(mean(x^2, over feature) + eps)
}

// Group normalization: the units of each example form k equal groups, each normalized by its own mean and variance; gain and
// shift are per unit (Wu & He 2018). With 4 groups after an LSTM's product, each gate is a group.
norm group(x, k = 4, gamma = 1, beta = 0, eps = 1e-5) {
  y = reshape(x, [k, elements(x) / k])
  m = mean(y, over last)
  v = mean((y - m)^2, over last)
  param g : like x = gamma
  param s : like x = beta
  g * reshape((y - m) * rsqrt(v + eps), shape(x)) + s
}

// Instance normalization, with k blocks of units as the channels: as \`group\`, but gain and shift are per block
// (Ulyanov, Vedaldi & Lempitsky 2016).
norm instance(x, k = 4, gamma = 1, beta = 0, eps = 1e-5) {
  y = reshape(x, [k, elements(x) / k])
  m = mean(y, over last)
  v = mean((y - m)^2, over last)
  param g : [k, 1] = gamma
  param s : [k, 1] = beta
  reshape(g * (y - m) * rsqrt(v + eps) + s, shape(x))
}

// Dynamic tanh: no statistics, a single learned α for all units (Zhu, Chen, He, LeCun & Liu 2025).
norm dyt(x, alpha = 0.5, gamma = 1, beta = 0) {
  param a : []     = alpha
  param g : like x = gamma
  param k : like x = beta
  g * tanh(a * x) + k
}

// Cosine normalization, by the length of the vector: g x / ‖x‖. On the input of a product, with \`weight(gamma = none)\` on its
// matrix, each result is the cosine of the angle between the input and a unit's weights (Luo et al. 2017).
norm cosine(x, gamma = 1, eps = 1e-5) {
  param g : like x = gamma
  g * x * rsqrt(sum(x^2, over feature) + eps)
}

// Weight normalization, for parameters: the weights of each unit, a column of [in, out], have length g
// (Salimans & Kingma 2016, eq. 2).
norm weight(x, gamma = 1, eps = 1e-8) {
  param g : [size(x)] = gamma
  g * x * rsqrt(sum(x^2, over first) + eps)
}
`,
  ],
];
