/** The system's Chromium, which Debian's package puts here, and how tests start it. */

export const CHROMIUM = "/usr/bin/chromium";

/** As root, in a container, there is no sandbox to be had; the pages are our own. Nothing asks the network. */
export const quietFlags = [
  "--no-sandbox",
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
  "--no-first-run",
];

/** WebGPU and WebGL2 by SwiftShader, a GPU that is a program. It compiles what is drawn; it need not do so before, too. */
export const softwareGpuFlags = [
  "--disable-angle-features=warmUpPipelineCacheAtLink",
  ...["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
];
