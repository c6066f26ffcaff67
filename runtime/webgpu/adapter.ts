/**
 * Finds a GPU adapter: the platform's own (`navigator.gpu` in browsers and Deno), or in Node the one of the optional
 * package `webgpu` (Dawn). Touches Node's `process` when there is one, and imports nothing of Node.
 */
import { messageOf, RuntimeError } from "../error.ts";
import { type Wait, wait, waitNapping } from "./patience.ts";

/** The adapter and the object it came from, which must be referenced as long as a device of it lives: Dawn crashes otherwise. */
export interface Graphics {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  /** How to wait for its promises. */
  readonly wait: Wait;
}

/** The description by which the Vulkan loader finds SwiftShader, Vulkan on the processor. */
const swiftShader = "vk_swiftshader_icd.json";

/** Where browsers bring it. */
const browserFolders = [
  "/usr/lib/chromium",
  "/usr/lib/chromium-browser",
  "/usr/lib64/chromium-browser",
  "/opt/google/chrome",
  "/opt/microsoft/msedge",
  "/usr/share/vulkan/icd.d",
];

/** Errors: C0503 (no adapter), C0504 (in Node: no package `webgpu`). */
export async function findAdapter(): Promise<Graphics> {
  if (typeof navigator !== "undefined" && navigator.gpu) {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null) {
      throw new RuntimeError(
        "C0503",
        "there is no WebGPU adapter",
        "check that the GPU is not blocked in this browser",
      );
    }
    return { gpu: navigator.gpu, adapter, wait };
  }
  if (typeof process === "undefined" || process.versions?.node === undefined) {
    throw new RuntimeError("C0503", "this browser has no WebGPU", "use a browser with WebGPU, or the wasm target");
  }
  const { create, globals } = await importDawn();
  Object.assign(globalThis, globals);
  const found = (await request(create)) ?? (useSwiftShader() ? await request(create) : undefined);
  if (found === undefined) {
    throw new RuntimeError(
      "C0503",
      "there is no GPU adapter: no Vulkan, Metal or Direct3D driver was found, nor SwiftShader",
      "install a GPU driver with Vulkan (Debian: libvulkan1 and mesa-vulkan-drivers), or chromium for its SwiftShader, or use the wasm target",
    );
  }
  return found;
}

interface Dawn {
  readonly create: (flags: string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

async function importDawn(): Promise<Dawn> {
  // Not a literal, so that bundlers do not look for an optional package.
  const name = "webgpu";
  try {
    return (await import(/* @vite-ignore */ name)) as Dawn;
  } catch (thrown) {
    throw new RuntimeError(
      "C0504",
      `the wgsl target needs the package \`webgpu\` in Node: ${messageOf(thrown)}`,
      "npm install webgpu",
    );
  }
}

/**
 * Kernels write what they read of workgroup memory, so that Dawn need not clear it first: SwiftShader compiles a kernel with a
 * barrier in a quarter of the time then. Browsers clear it all the same.
 */
const flags = ["enable-dawn-features=disable_workgroup_init"];

async function request(create: Dawn["create"]): Promise<Graphics | undefined> {
  const gpu = create(flags);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  return adapter === null ? undefined : { gpu, adapter, wait: waitNapping };
}

/**
 * Points the Vulkan loader at a browser's SwiftShader, unless drivers were chosen by VK_DRIVER_FILES; whether that may help.
 * A system without Vulkan lacks the loader too: the one beside the driver is then loaded first, so that Dawn finds it.
 */
function useSwiftShader(): boolean {
  const files = process.getBuiltinModule?.("node:fs");
  if (files === undefined) return false;
  const { env } = process;
  if (!env.VK_DRIVER_FILES && !env.VK_ICD_FILENAMES) {
    const folder = browserFolders.find((candidate) => files.existsSync(`${candidate}/${swiftShader}`));
    if (folder === undefined) return false;
    env.VK_DRIVER_FILES = `${folder}/${swiftShader}`;
  }
  const driver = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES || "";
  const loader = driver.replace(/[^/]*$/, "libvulkan.so.1");
  if (process.platform === "linux" && files.existsSync(loader)) {
    // RTLD_NOW, and RTLD_NODELETE, by which the library stays although Node finds that it is no module of its own.
    const flags = 0x2 | 0x1000;
    try {
      process.dlopen({ exports: {} }, loader, flags);
    } catch {
      // Always: it did not register itself as a module.
    }
  }
  return true;
}
