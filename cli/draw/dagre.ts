/** The layout of graphs in layers. `npm run build` bundles its package into this file. */
export { graphlib, layout } from "@dagrejs/dagre";
