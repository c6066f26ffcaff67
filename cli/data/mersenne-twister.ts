/**
 * The numbers of NumPy's `RandomState`, for what others drew with it: MT19937 (Matsumoto & Nishimura 1998), seeded by a whole number.
 */

const WORDS = 624;
const MIDDLE = 397;

/** The whole numbers below 2³² that follow a seed. */
function* words(seed: number): Generator<number, never> {
  const state = new Uint32Array(WORDS);
  state[0] = seed;
  for (let i = 1; i < WORDS; i++) {
    const before = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(before, 1812433253) + i;
  }
  for (;;) {
    for (let i = 0; i < WORDS; i++) {
      const mixed = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % WORDS] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    for (let word of state) {
      word ^= word >>> 11;
      word ^= (word << 7) & 0x9d2c5680;
      word ^= (word << 15) & 0xefc60000;
      yield (word ^ (word >>> 18)) >>> 0;
    }
  }
}

/** `numpy.random.RandomState(seed).randint(0, below, size=count)`: independent draws, so that numbers repeat. `below` is at most 2³¹. */
export function randomIntegers(seed: number, below: number, count: number): Uint32Array {
  const drawn = words(seed);
  // As many bits as the largest number has; what is too large is drawn again.
  const mask = 2 ** (32 - Math.clz32(below - 1)) - 1;
  return Uint32Array.from({ length: count }, () => {
    for (;;) {
      const number = (drawn.next().value & mask) >>> 0;
      if (number < below) return number;
    }
  });
}
