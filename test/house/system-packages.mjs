/**
 * Runs before the tests: sees to what npm cannot install, a Vulkan driver for the WebGPU tests, ONNX's checker, and PyTorch.
 *
 * The tests run on SwiftShader, a Vulkan driver on the CPU, so that they need no GPU and give the same numbers
 * everywhere. Debian ships it inside its `chromium` package, with a Vulkan loader (libvulkan.so.1) beside it. The others are
 * Python packages; without one, the tests that need it say so and fail. Plain
 * JavaScript, because it runs before anything else is known to work.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** Debian packages, the file by which each is known to be there, and what it is for. */
const VULKAN = { name: "chromium", file: "/usr/lib/chromium/vk_swiftshader_icd.json", use: "the WebGPU tests run on" };
const NEEDED = [
  VULKAN,
  {
    name: "python3-onnx",
    file: "/usr/lib/python3/dist-packages/onnx/checker.py",
    use: "exported models are checked by",
  },
  {
    name: "python3-torch",
    file: "/usr/lib/python3/dist-packages/torch/__init__.py",
    use: "printed PyTorch modules run in",
  },
];
/** Where Vulkan loaders look for drivers. */
const DRIVER_FOLDERS = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];

/** The packages still to be installed. */
const missing = () => NEEDED.filter(({ file }) => !existsSync(file));

/** How apt-get may be called without asking anyone: `[]` as root, `["sudo", "-n"]` by a passwordless sudo, or undefined. */
function aptPrefix() {
  if (!existsSync("/etc/debian_version") || !existsSync("/usr/bin/apt-get")) return undefined;
  if (process.getuid() === 0) return [];
  return spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0 ? ["sudo", "-n"] : undefined;
}

/** Its output goes to stderr: stdout belongs to the tests. */
function aptGet(prefix, ...args) {
  const [command, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
  spawnSync(command, rest, { stdio: ["ignore", 2, 2] });
}

// Only Linux is looked after: elsewhere WebGPU runs on what the system brings (Metal, Direct3D).
if (process.platform === "linux" && missing().length > 0) {
  const prefix = aptPrefix();
  if (prefix) {
    console.error(
      `Installing ${missing()
        .map(({ name, use }) => `${name}, which ${use}`)
        .join(", and ")}.`,
    );
    aptGet(prefix, "update");
    aptGet(prefix, "install", "-y", "--no-install-recommends", ...missing().map(({ name }) => name));
  }
  if (missing().includes(VULKAN)) {
    const otherDriver = DRIVER_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).length > 0);
    console.error(
      "The WebGPU tests run on SwiftShader, a Vulkan driver on the CPU, which is not installed.\n" +
        `  Debian, Ubuntu: sudo apt-get install --no-install-recommends ${VULKAN.name}\n` +
        `  elsewhere:      any Vulkan driver and loader will do${otherDriver ? "; the driver found here is used" : ""}`,
    );
    if (!otherDriver) process.exit(1);
  }
}
