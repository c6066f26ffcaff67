/** The `.cell` files of this folder, by the paths that spans name. Made by `npm run build:prelude`: edit those, not this. */
export const preludeTexts: readonly (readonly [path: string, text: string])[] = [
  [
    "prelude/functions.cell",
    `// The functions that every file can use without an import. Features are the last axis.

// The largest value is subtracted before exp, so that nothing overflows; it cancels out, so it needs no derivative.
fn softmax(x) {
  e = exp(x - stop(max(x, over feature)))
  e / sum(e, over feature)
}

fn log_softmax(x) {
  d = x - stop(max(x, over feature))
  d - log(sum(exp(d), over feature))
}

// Minus the log-probability of class y.
fn cross_entropy(logits, y) { -sum(one_hot(y, size(logits)) * log_softmax(logits), over feature) }

// 1 where the largest logit is that of class y, else 0.
fn correct(logits, y) { argmax(logits) == y }

fn mse(a, b) { mean(square(a - b), over feature) }

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
