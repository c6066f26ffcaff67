/** The parts of Observable Plot that draw our figures. `npm run build` bundles it, and its library of 40 packages, into this file. */
export { areaY, barX, dot, lineY, type Markish, plot, rectY, ruleY, type ScaleOptions, text } from "@observablehq/plot";
