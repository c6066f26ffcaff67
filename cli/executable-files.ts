import type { Executable } from "../runtime/plan.ts";

/** A compiled model as files: `plan.json` and the code, WASM modules with the text of the plain one, or a WGSL file a kernel. */
export function executableFiles({ plan, code }: Executable): Readonly<Record<string, string | Uint8Array>> {
  const planText = `${JSON.stringify(plan, null, 2)}\n`;
  switch (code.kind) {
    case "wasm": {
      const relaxed = code.relaxed && { "kernels.relaxed.wasm": code.relaxed };
      return { "kernels.wasm": code.binary, ...relaxed, "kernels.wat": code.text, "plan.json": planText };
    }
    case "wgsl": {
      const modules = Object.entries(code.modules).map(([name, text]) => [`${name}.wgsl`, text]);
      return { ...Object.fromEntries(modules), "plan.json": planText };
    }
    default:
      return code satisfies never;
  }
}
