/**
 * Runs before the tests: sees to the one thing npm cannot install, a Vulkan driver for the WebGPU tests.
 *
 * The tests run on SwiftShader, a Vulkan driver on the CPU, so that they need no GPU and give the same numbers
 * everywhere. Debian ships it inside its `chromium` package, with a Vulkan loader (libvulkan.so.1) beside it. Plain
 * JavaScript, because it runs before anything else is known to work.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** Debian packages, and the file by which each is known to be there. */
const NEEDED = [{ name: "chromium", file: "/usr/lib/chromium/vk_swiftshader_icd.json" }];
/** Where Vulkan loaders look for drivers. */
const DRIVER_FOLDERS = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];

/** Names of the packages still to be installed. */
const missing = () => NEEDED.filter(({ file }) => !existsSync(file)).map(({ name }) => name);

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
    console.error(`Installing ${missing().join(", ")}: the WebGPU tests run on the Vulkan driver in it.`);
    aptGet(prefix, "update");
    aptGet(prefix, "install", "-y", "--no-install-recommends", ...missing());
  }
  if (missing().length > 0) {
    const otherDriver = DRIVER_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).length > 0);
    console.error(
      "The WebGPU tests run on SwiftShader, a Vulkan driver on the CPU, which is not installed.\n" +
        `  Debian, Ubuntu: sudo apt-get install --no-install-recommends ${missing().join(" ")}\n` +
        `  elsewhere:      any Vulkan driver and loader will do${otherDriver ? "; the driver found here is used" : ""}`,
    );
    if (!otherDriver) process.exit(1);
  }
}
