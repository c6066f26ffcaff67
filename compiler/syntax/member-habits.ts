/** What other languages write with a point: `self.W`, `torch.tanh(x)`, `W.T`, `x.sum()`. */

/** Modules and objects whose members have plain names here. */
const prefixes = new Set(
  [
    "self",
    "this",
    "torch",
    "F",
    "nn",
    "np",
    "numpy",
    "jnp",
    "jax",
    "lax",
    "tf",
    "keras",
    "K",
    "math",
    "params",
  ].values(),
);

const attributes: Readonly<Record<string, string>> = {
  T: "transpose",
  t: "transpose",
  mT: "transpose",
  shape: "size",
  size: "size",
};

/** What `of.name` is here, or `of.name(…)` if it is called; undefined if it may be a scan's member. */
export function memberHabit(of: string, name: string, called: boolean): string | undefined {
  if (prefixes.has(of)) return `write \`${name}\` alone: parameters and functions have plain names`;
  const value = /^[\w']+$/.test(of) ? of : "…";
  if (Object.hasOwn(attributes, name)) return `write ${attributes[name]}(${value})`;
  return called ? `write ${name}(${value}, …): functions take the value in brackets` : undefined;
}
