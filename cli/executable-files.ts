import type { Executable } from "../runtime/plan.ts";

/** A compiled model as files: `plan.json` and the code, a WASM module with its text, or a WGSL file a kernel. */
export function executableFiles({ plan, code }: Executable): Readonly<Record<string, string | Uint8Array>> {
  const planText = `${JSON.stringify(plan, null, 2)}\n`;
  switch (code.kind) {
    case "wasm":
      return { "kernels.wasm": code.binary, "kernels.wat": code.text, "plan.json": planText };
    case "wgsl": {
      const modules = Object.entries(code.modules).map(([name, text]) => [`${name}.wgsl`, text]);
      return { ...Object.fromEntries(modules), "plan.json": planText };
    }
    default:
      return code satisfies never;
  }
}
