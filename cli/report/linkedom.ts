/** The document in which figures are drawn, where there is no browser. `npm run build` bundles its packages into this file. */
export { parseHTML } from "linkedom";
