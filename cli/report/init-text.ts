import type { Init } from "../../runtime/plan.ts";

/** An initialiser in the language's syntax: `0`, `orthogonal`, `blocks(1, 0, 0, 0)`. */
export function initText(init: Init): string {
  switch (init.kind) {
    case "constant":
      return String(init.value);
    case "uniform":
      return init.low === -init.high ? `uniform(${init.high})` : `uniform(${init.low}, ${init.high})`;
    case "normal":
      return init.mean === 0 ? `normal(${init.std})` : `normal(${init.mean}, ${init.std})`;
    case "xavier":
    case "orthogonal":
    case "identity":
      return init.gain === 1 ? init.kind : `${init.kind}(${init.gain})`;
    case "blocks":
      return `blocks(${init.parts.map(initText).join(", ")})`;
    case "lengths":
      return `lengths of ${init.of}`;
    default:
      return init satisfies never;
  }
}
