import { messageOf, RuntimeError } from "../error.ts";

/** The kernels of a device. Each shader is compiled once for all executables that contain it. */
export class Pipelines {
  /** The bindings of every kernel. */
  readonly bindings: GPUBindGroupLayout;
  readonly #device: GPUDevice;
  readonly #layout: GPUPipelineLayout;
  readonly #compiled = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice, bindings: GPUBindGroupLayout) {
    this.bindings = bindings;
    this.#device = device;
    this.#layout = device.createPipelineLayout({ label: "regions", bindGroupLayouts: [bindings] });
  }

  /** Compiles modules concurrently. Errors: C0506 with the shader compiler's messages and the lines they are about. */
  async load(modules: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, GPUComputePipeline>> {
    const compiled = [...modules].map(async ([name, code]) => [name, await this.#pipeline(name, code)] as const);
    return new Map(await Promise.all(compiled));
  }

  #pipeline(name: string, code: string): Promise<GPUComputePipeline> {
    const known = this.#compiled.get(code);
    if (known !== undefined) return known;
    const made = createPipeline(this.#device, this.#layout, name, code);
    this.#compiled.set(code, made);
    // A failure is not cached: it may be tried again.
    made.catch(() => this.#compiled.delete(code));
    return made;
  }
}

async function createPipeline(
  device: GPUDevice,
  layout: GPUPipelineLayout,
  name: string,
  code: string,
): Promise<GPUComputePipeline> {
  // The messages say more than the error; the scope only keeps it from being reported a second time.
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: name, code });
  const scope = device.popErrorScope();
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === "error");
  if (errors.length > 0) {
    const lines = code.split("\n");
    const report = errors.map(({ lineNum, message }) => {
      const source = lines[lineNum - 1]?.trim();
      return source ? `line ${lineNum}: ${message}: ${source}` : message;
    });
    throw new RuntimeError("C0506", `the shader of kernel \`${name}\` does not compile: ${report.join("; ")}`);
  }
  const error = await scope;
  if (error !== null) throw new RuntimeError("C0506", `the shader of kernel \`${name}\` is refused: ${error.message}`);
  try {
    return await device.createComputePipelineAsync({ label: name, layout, compute: { module, entryPoint: "main" } });
  } catch (thrown) {
    throw new RuntimeError("C0506", `kernel \`${name}\` cannot run on this GPU: ${messageOf(thrown)}`);
  }
}
