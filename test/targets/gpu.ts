import { existsSync } from "node:fs";
import { constants } from "node:os";

/** Where Debian's chromium packages put SwiftShader, a Vulkan driver in software, and a Vulkan loader. */
const browser = "/usr/lib/chromium";

/** Dawn's instance must outlive its devices, and crashes if it is collected. */
let instance: GPU | undefined;

/**
 * A WebGPU device. `VK_DRIVER_FILES` says which Vulkan driver; SwiftShader's is taken if it is not set. Throws with the reason
 * if there is none: a machine that cannot run these tests must not pass them. The caller destroys the device.
 */
export async function openDevice(): Promise<GPUDevice> {
  useSwiftShader();
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  // As the runtime has it (`runtime/webgpu/adapter.ts`): workgroup memory is not cleared.
  instance ??= create(["enable-dawn-features=disable_workgroup_init"]);
  const adapter = await instance.requestAdapter();
  if (adapter === null)
    throw new Error(
      `no WebGPU adapter: install a Vulkan driver, or chromium for its SwiftShader (VK_DRIVER_FILES=${process.env.VK_DRIVER_FILES ?? "unset"})`,
    );
  return adapter.requestDevice();
}

function useSwiftShader(): void {
  const driver = `${browser}/vk_swiftshader_icd.json`;
  if (process.env.VK_DRIVER_FILES !== undefined || !existsSync(driver)) return;
  process.env.VK_DRIVER_FILES = driver;
  const loader = `${browser}/libvulkan.so.1`;
  if (!existsSync(loader)) return;
  // A system without Vulkan lacks the loader, too. RTLD_NODELETE (0x1000) keeps the browser's in the process, where Dawn
  // finds it by name, although Node reports that it is no module of its own.
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | 0x1000);
  } catch {
    // Always: "Module did not self-register".
  }
}
