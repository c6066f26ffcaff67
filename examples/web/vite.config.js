import { cellc } from "cellc/vite";
import { targets } from "./backends.ts";
import { examples, steps } from "./sizes.ts";

const cells = () => [
  cellc({ kernels: [...targets], batch: examples, time: steps, entries: ["train", "update", "estimate", "infer"] }),
];

export default {
  // Relative addresses: the folder `dist` can be served from anywhere.
  base: "./",
  plugins: cells(),
  // Vite bundles workers on their own, with their own plugins.
  worker: { format: "es", plugins: cells },
};
