/** The backends that the page offers: the plugin compiles kernels for each of them, and the page has a choice for each. */

/** The targets of the kernels, the preferred one first. A target that is added here is in the bundle and on the page. */
export const targets = ["wgsl", "glsl", "wasm"] as const;

export type Target = (typeof targets)[number];

/** What the user chooses. */
export type Choice = Target | "auto";

/** The name of a choice for people. */
export const nameOf = (choice: string): string => names[choice] ?? choice;

const names: Readonly<Record<string, string>> = {
  auto: "Automatic",
  wgsl: "WebGPU",
  glsl: "WebGL2",
  wasm: "WebAssembly",
};
