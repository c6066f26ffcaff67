/** The parts of Observable Plot that draw our figures. `npm run build` bundles it, and its library of 40 packages, into this file. */
export { areaY, dot, lineY, type Markish, plot, ruleY, type ScaleOptions } from "@observablehq/plot";
