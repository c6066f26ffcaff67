/**
 * Finds a GPU adapter: the platform's own (`navigator.gpu` in browsers and Deno), or in Node the one of the optional
 * package `webgpu` (Dawn). Uses Node's `process` where there is one, and imports nothing from Node.
 */
import { messageOf, RuntimeError } from "../error.ts";
import { type Wait, wait, waitThrottled } from "./wait.ts";

/** The adapter and the object it came from, which must stay referenced as long as one of its devices lives: Dawn crashes otherwise. */
export interface Graphics {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  /** How to wait for its promises. */
  readonly wait: Wait;
}

/** The file by which the Vulkan loader finds SwiftShader, Vulkan on the CPU. */
const swiftShader = "vk_swiftshader_icd.json";

/** Where browsers install it. */
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
 * Kernels write workgroup memory before they read it, so Dawn need not clear it first: SwiftShader then compiles a kernel with a
 * barrier in a quarter of the time. Browsers clear it all the same.
 */
const flags = ["enable-dawn-features=disable_workgroup_init"];

async function request(create: Dawn["create"]): Promise<Graphics | undefined> {
  const gpu = create(flags);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  return adapter === null ? undefined : { gpu, adapter, wait: waitThrottled };
}

/**
 * Points the Vulkan loader at a browser's SwiftShader, unless VK_DRIVER_FILES chooses drivers. Returns whether that may help.
 * A system without Vulkan lacks the loader too, so the one beside the driver is loaded first, for Dawn to find.
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
    // RTLD_NOW, and RTLD_NODELETE, so that the library stays loaded although Node finds that it is not an addon.
    const flags = 0x2 | 0x1000;
    try {
      process.dlopen({ exports: {} }, loader, flags);
    } catch {
      // Always thrown: it did not register itself as an addon.
    }
  }
  return true;
}
