/**
 * Coefficients of the approximations every target shares. Each list is a polynomial's, lowest power first.
 */

/**
 * tanh x ≈ x·(P(x²) / Q(x²)) for |x| ≤ `limit`, beyond which it is ±1: a rational minimax fit, as in Eigen's
 * `generic_fast_tanh_float`. Its error is relative, 4e-7 in f32, also near zero, where tanh computed from exp cancels; a
 * GPU's own `tanh` is only promised to 1e-5.
 */
export const tanhFit = {
  /** The first f32 at which the quotient, evaluated in f32, is exactly 1, whether products are fused with sums or not. */
  limit: 7.963572,
  numerator: [
    4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8, -8.60467152213735e-11,
    2.00018790482477e-13, -2.76076847742355e-16,
  ],
  denominator: [4.89352518554385e-3, 2.268434632439e-3, 1.18534705686654e-4, 1.19825839466702e-6],
} as const;

/**
 * log(1 + e) = 2 atanh s with s = e / (2 + e), and 2 atanh s ≈ 2s + s³·R(s²). R interpolates at the six Chebyshev points of
 * s² in [0, 1/9], which is e in [0, 1]; relative error 1e-9 before rounding, 2e-7 in f32.
 */
export const log1pFit = [
  0.666666666500236, 0.4000001076995163, 0.2857030572176477, 0.22264711211886923, 0.17464702435665286,
  0.20787616964283556,
] as const;

/** sin r ≈ r + r·z·P(z) and cos r ≈ 1 + z·Q(z) with z = r², for |r| ≤ π/4: FreeBSD's k_sindf.c and k_cosdf.c, errors below 1e-8. */
export const sinFit = [
  -0.16666666641626524, 0.008333329385889463, -0.00019839334836096632, 0.000002718311493989822,
] as const;
export const cosFit = [
  -0.499999997251031, 0.04166662332373906, -0.001388676377460993, 0.000024390448796277409,
] as const;

/** π/2 in three parts, the first two so short that their products with whole numbers up to 2^12 are exact in f32: Cephes' sinf. */
export const quarterTurn = [1.5703125, 4.837512969970703e-4, 7.549789954891882e-8] as const;

/** eˣ − 1 = x + x²·R(x) for |x| ≤ ½. R interpolates at six Chebyshev points; relative error 1e-8 before rounding, 2e-7 in f32. */
export const expm1Fit = [
  0.5000000121607167, 0.16666666801683483, 0.04166579123000726, 0.008333236133517441, 0.0013982186046242147,
  0.00019944874442625113,
] as const;

/** atan t = t + t³·R(t²) for |t| ≤ 1. R interpolates at nine Chebyshev points of t²; relative error 1e-8 before rounding, 2e-7 in f32. */
export const atanFit = [
  -0.3333333173306358, 0.19999739329836208, -0.14278568748210624, 0.11033764115296145, -0.08656880430086525,
  0.06250169444641643, -0.03587153898130854, 0.013507771426900374, -0.0023869973167719386,
] as const;

/**
 * erf x ≈ x·(P(x²) / Q(x²)) for |x| < `limit`, beyond which it is ±1 to f32's last place: the rational fit of Eigen's
 * `generic_fast_erf_float`. Relative error 7e-8 before rounding, 5e-7 in f32.
 */
export const erfFit = {
  limit: 3.92,
  numerator: [
    -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
    2.77068142495902e-8, -2.72614225801306e-10,
  ],
  denominator: [
    -1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5,
  ],
} as const;
