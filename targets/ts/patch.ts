/** How many bytes must be equal for two places to be taken for the same. Fewer find more of them, and wrong ones. */
const enough = 4;
/** How far to look for the next place that is the same, in bytes of both together. What is further apart is written out. */
const farthest = 400;

/** What makes `target` of `base`, in the form that the runtime's `patched` takes. Small if the two differ in few places. */
export function patchOf(base: Uint8Array, target: Uint8Array): Uint8Array {
  const patch: number[] = [];
  const number = (value: number): void => {
    let rest = value;
    for (; rest > 127; rest >>>= 7) patch.push((rest & 127) | 128);
    patch.push(rest);
  };
  let [from, to] = [0, 0];
  while (true) {
    const start = from;
    while (from < base.length && to < target.length && base[from] === target[to]) {
      from++;
      to++;
    }
    if (from === base.length && to === target.length) return Uint8Array.from(patch);
    const [less, more] = nextSame(base.subarray(from), target.subarray(to));
    number(from - start);
    number(less);
    number(more);
    patch.push(...target.subarray(to, to + more));
    from += less;
    to += more;
  }
}

/** How many bytes to leave out of the one and how many to take of the other, at least, until they are the same again. */
function nextSame(base: Uint8Array, target: Uint8Array): readonly [less: number, more: number] {
  const same = (less: number, more: number): boolean => {
    for (let k = 0; k < enough; k++) if (base[less + k] !== target[more + k]) return false;
    return true;
  };
  for (let sum = 1; sum <= farthest; sum++) {
    for (let less = Math.max(0, sum - target.length); less <= Math.min(sum, base.length); less++)
      if (same(less, sum - less)) return [less, sum - less];
  }
  return [base.length, target.length];
}
