/** The writer of ZIP files. `npm run build` bundles its package into this file. */
export { zipSync } from "fflate";
