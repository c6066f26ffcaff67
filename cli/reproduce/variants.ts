/** The models that every study compares: placements of norms at the sites of one cell, `examples/paper/bnlstm.cell`. */
import { layered, type Settings } from "./settings.ts";
import type { Study, Variant } from "./study.ts";

/** The paper's two models, and what stood beside them in the literature. */
export const variants = {
  lstm: {
    title: "LSTM, with the shift of the cell that the authors' code keeps",
    settings: { place: { hh: "none", xh: "none", cc: "shift" } },
  },
  "plain-lstm": {
    title: "LSTM without that shift",
    settings: { place: { hh: "none", xh: "none", cc: "none" } },
  },
  "bn-lstm": { title: "BN-LSTM", settings: {}, batchNorm: "recurrent" },
  "input-bn": {
    title: "batch norm of the input path only, step by step (Laurent et al. 2016)",
    settings: { place: { hh: "none", xh: "batch(gamma=1.0,beta=none)", cc: "none" } },
    batchNorm: "input",
  },
  "input-sequence": {
    title: "the same, sequence-wise",
    settings: { place: { hh: "none", xh: "sequence(beta=none)", cc: "none" } },
    batchNorm: "input",
  },
  "ln-lstm": {
    title: "LN-LSTM (Ba et al. 2016)",
    settings: { place: { hh: "layer(beta=none)", xh: "layer(beta=none)", cc: "layer" } },
  },
} as const satisfies Readonly<Record<string, Variant>>;

/** The variants with the paper's numbers for some of them. */
export const withPublished = (published: Readonly<Partial<Record<keyof typeof variants, number>>>) =>
  Object.fromEntries(
    Object.entries(variants).map(([name, variant]): [string, Variant] => {
      const value = published[name as keyof typeof variants];
      return [name, value === undefined ? variant : { ...variant, published: value }];
    }),
  );

/** The variants, of which those with batch norm on hidden states have settings of their own, and so have the others. */
export const byRecurrentNorm = (
  variants: Study["variants"],
  { normalized = {}, others = {} }: { readonly normalized?: Settings; readonly others?: Settings },
): Study["variants"] =>
  Object.fromEntries(
    Object.entries(variants).map(([name, variant]) => [
      name,
      { ...variant, settings: layered(variant.settings, variant.batchNorm === "recurrent" ? normalized : others) },
    ]),
  );
