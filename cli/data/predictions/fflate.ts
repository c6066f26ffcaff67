/** The writer of ZIP files: the part of its package that needs no threads. `npm run build` bundles it into this file. */
export { zipSync } from "fflate/browser";
