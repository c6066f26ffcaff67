/** What other libraries and papers call the norms of the prelude. */

/** In small letters, without underscores. */
const aliases: Readonly<Record<string, string>> = {
  batchnorm: "batch",
  bn: "batch",
  layernorm: "layer",
  ln: "layer",
  rmsnorm: "rms",
  groupnorm: "group",
  gn: "group",
  instancenorm: "instance",
  weightnorm: "weight",
  batchrenorm: "batch_renorm",
  ghostnorm: "ghost",
  dynamictanh: "dyt",
};

/** The name in the prelude of what is called `name` elsewhere. */
export function usualNorm(name: string): string | undefined {
  const key = name.toLowerCase().replaceAll("_", "");
  return Object.hasOwn(aliases, key) ? aliases[key] : undefined;
}
