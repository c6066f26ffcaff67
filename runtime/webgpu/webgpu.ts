import type { Backend, LoadedExecutable, Timing } from "../backend.ts";
import { closable, closed } from "../closable.ts";
import { RuntimeError } from "../error.ts";
import { checkedCode } from "../executable.ts";
import { floatsIn, type Range, regionNames, regionSizes, widthOf } from "../layout.ts";
import { optionParser } from "../option-parser.ts";
import type { Command, EntryName, Executable, Feature, Plan, RegionName } from "../plan.ts";
import { type Dispatch, execute, type Program, pieces, resolve } from "../program.ts";
import { sealedCode, shadersOf, type TakeCode } from "../sealed-code.ts";
import { Clock } from "./clock.ts";
import { openDevice, type WatchedDevice } from "./device.ts";
import { Pipelines } from "./pipelines.ts";

/** Size of what a kernel reads from a slot of the uniform buffer, { t: i32, T: i32 }, rounded up to 16. */
const uniformBytes = 16;
/** A buffer cannot be empty, so an empty region gets the smallest that can be bound. */
const leastBytes = 16;

/** What `webgpuBackend` takes. */
export interface WebgpuOptions {
  /** Whether an adapter may be a program on the processor, such as SwiftShader. Default: true. */
  readonly software?: boolean;
}

const parseOptions = /* @__PURE__ */ optionParser<WebgpuOptions>("the options of the backend", {
  software: ["true or false", (value) => typeof value === "boolean"],
});

/** Features that kernels may need. */
const kernelFeatures: readonly Feature[] = ["subgroups"];

/**
 * The backend for executables of target `wgsl`: one device. `close` destroys it; until then Node does not exit.
 * Errors: C0503 (no adapter), C0504 (in Node: no package `webgpu`). An executable may need a feature that the device lacks: C0507.
 */
export function webgpuBackend(options: WebgpuOptions = {}): Promise<Backend> {
  return backendWith(checkedCode, options, timed);
}

/** The same for executables that are part of a generated module: their plans need no check, and nobody times their kernels. */
export function webgpuModuleBackend(options: WebgpuOptions = {}): Promise<Backend> {
  return backendWith(sealedCode, options);
}

async function backendWith(takeCode: TakeCode, options: WebgpuOptions, timed?: Timed): Promise<Backend> {
  const { software = true } = parseOptions(options);
  const watched = await openDevice(software);
  const pipelines = new Pipelines(watched.device, layoutOf(watched.device));
  let isClosed = false;
  return {
    name: "wgsl",
    features: kernelFeatures.filter((feature) => watched.device.features.has(feature)),
    async open(executable) {
      if (isClosed) throw closed("backend");
      return closable(await open(executable, takeCode, watched, pipelines, timed), () => isClosed);
    },
    close() {
      isClosed = true;
      watched.close();
    },
  };
}

async function open(
  executable: Executable,
  takeCode: TakeCode,
  watched: WatchedDevice,
  kernels: Pipelines,
  timed: Timed | undefined,
): Promise<LoadedExecutable> {
  const { plan } = executable;
  const shaders = shadersOf(takeCode(executable, "wgsl"));
  const { device } = watched;
  for (const feature of plan.features ?? []) {
    if (device.features.has(feature)) continue;
    const message = `${plan.name} was compiled for GPUs with the feature \`${feature}\`, which this one lacks`;
    throw new RuntimeError("C0507", message, "compile it with --target wgsl, which runs on every GPU");
  }
  const layout = kernels.bindings;
  const pipelines = await watched.wait(kernels.load(shaders));
  const pipelineOf = (kernel: string): GPUComputePipeline => {
    const pipeline = pipelines.get(kernel);
    if (pipeline === undefined) throw new RuntimeError("C0506", `there is no module for kernel \`${kernel}\``);
    return pipeline;
  };
  const programs = new Map<string, Program<GPUComputePipeline>>();
  for (const [name, entry] of Object.entries(plan.entries)) programs.set(name, resolve(entry.commands, pipelineOf));
  const programOf = (entry: EntryName): Program<GPUComputePipeline> => {
    const program = programs.get(entry);
    if (program === undefined) throw new Error(`the executable has no entry \`${entry}\``);
    return program;
  };

  let memory = await watched.check(() => allocate(device, layout, executableSizes(0), undefined));
  let capacity = 0;
  /** The sequence length and the first step in the uniform buffer. */
  let uniform = { steps: -1, first: 0 };
  /** Resolves when the run before the last one is done, so that the queue stays bounded. */
  let previous: Promise<unknown> = Promise.resolve();

  function executableSizes(steps: number): Sizes {
    return { name: plan.name, steps, floats: regionSizes(plan, steps) };
  }

  /** Starts commands for sequences of `steps` steps from `first` on, once the run before the last is done. */
  async function start(steps: number, first: number, commands: () => GPUCommandBuffer): Promise<void> {
    await watched.wait(previous);
    previous = device.queue.onSubmittedWorkDone().catch(() => {});
    watched.start(() => {
      if (uniform.steps !== steps || uniform.first !== first)
        device.queue.writeBuffer(memory.uniforms, 0, uniformsFor(device, steps, first));
      uniform = { steps, first };
      device.queue.submit([commands()]);
    });
  }

  return {
    async prepare(steps) {
      if (steps <= capacity) return;
      memory = await watched.check(() => allocate(device, layout, executableSizes(steps), memory));
      capacity = steps;
      uniform = { steps: -1, first: 0 };
    },
    async run(entry: EntryName, steps, first = 0) {
      const program = programOf(entry);
      await start(steps, first, () => {
        const encoder = device.createCommandEncoder();
        encode(device, encoder.beginComputePass(), memory.group, program, steps, first);
        return encoder.finish();
      });
    },
    ...timed?.({ watched, plan, programOf, start, group: () => memory.group }),
    async write(range, data) {
      watched.start(() => {
        const buffer = memory.buffers[range.region];
        for (let piece = 0; piece < range.count; piece++) {
          const from = data.subarray(piece * range.length, (piece + 1) * range.length) as Float32Array<ArrayBuffer>;
          device.queue.writeBuffer(buffer, 4 * (range.offset + piece * range.stride), from);
        }
      });
    },
    read: (ranges) => read(watched, memory, ranges),
    close() {
      for (const buffer of Object.values(memory.buffers)) buffer.destroy();
      memory.uniforms.destroy();
    },
  };
}

/** What a timed run needs of a machine. */
interface Timeable {
  readonly watched: WatchedDevice;
  readonly plan: Plan;
  programOf(entry: EntryName): Program<GPUComputePipeline>;
  start(steps: number, first: number, commands: () => GPUCommandBuffer): Promise<void>;
  group(): GPUBindGroup;
}

/** Adds `time` to a machine, if its device has a clock. */
type Timed = (machine: Timeable) => Pick<LoadedExecutable, "time">;

const timed: Timed = ({ watched, plan, programOf, start, group }) => {
  const { device } = watched;
  if (!device.features.has("timestamp-query")) return {};
  return {
    async time(entry, steps): Promise<readonly Timing[]> {
      const program = programOf(entry);
      const clock = new Clock(device, program.length);
      await start(steps, 0, () => {
        const encoder = device.createCommandEncoder();
        program.forEach((instruction, i) => {
          encode(device, encoder.beginComputePass(clock.pass(i)), group(), [instruction], steps, 0);
        });
        clock.resolve(encoder);
        return encoder.finish();
      });
      const durations = await watched.wait(clock.read());
      await watched.settle();
      return plan.entries[entry]!.commands.map((command, i) => ({
        kernels: kernelsOf(command),
        nanoseconds: durations[i],
      }));
    },
  };
};

/** The bindings of every kernel: 0 is { t, T } of a time step, 1 … 7 are the regions. */
function layoutOf(device: GPUDevice): GPUBindGroupLayout {
  const visibility = GPUShaderStage.COMPUTE;
  return device.createBindGroupLayout({
    label: "regions",
    entries: [
      { binding: 0, visibility, buffer: { type: "uniform", hasDynamicOffset: true } },
      ...regionNames.map((_, index) => ({ binding: index + 1, visibility, buffer: { type: "storage" as const } })),
    ],
  });
}

interface Memory {
  readonly buffers: Readonly<Record<RegionName, GPUBuffer>>;
  readonly uniforms: GPUBuffer;
  readonly group: GPUBindGroup;
}

interface Sizes {
  /** The plan's, for messages. */
  readonly name: string;
  readonly steps: number;
  readonly floats: Readonly<Record<RegionName, number>>;
}

/** Creates the buffers, zeroed, or replaces those of `old` that are too small, which only regions that grow with the sequence are. */
function allocate(device: GPUDevice, layout: GPUBindGroupLayout, sizes: Sizes, old: Memory | undefined): Memory {
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const bytesOf = (region: RegionName) => Math.max(leastBytes, widthOf(region) * sizes.floats[region]);
  for (const region of regionNames) {
    if (bytesOf(region) <= most) continue;
    const [need, have] = [bytesOf(region), most].map((bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`);
    throw new RuntimeError(
      "C0505",
      `${sizes.name} needs ${need} in one piece (\`${region}\`) for ${sizes.steps} steps, and this GPU allows ${have}`,
      "use a smaller batch or shorter sequences",
    );
  }
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = (region: RegionName): GPUBuffer => {
    const existing = old?.buffers[region];
    if (existing !== undefined && existing.size >= bytesOf(region)) return existing;
    existing?.destroy();
    return device.createBuffer({ label: region, size: bytesOf(region), usage });
  };
  const buffers = {
    param: buffer("param"),
    grad: buffer("grad"),
    slot: buffer("slot"),
    stat: buffer("stat"),
    input: buffer("input"),
    work: buffer("work"),
    half: buffer("half"),
  };
  old?.uniforms.destroy();
  const uniforms = device.createBuffer({
    label: "uniforms",
    size: slotBytes(device) * Math.max(1, sizes.steps),
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  const regions = regionNames.map((region, index) => ({ binding: index + 1, resource: { buffer: buffers[region] } }));
  const entries = [{ binding: 0, resource: { buffer: uniforms, size: uniformBytes } }, ...regions];
  return { buffers, uniforms, group: device.createBindGroup({ label: "regions", layout, entries }) };
}

/** Bytes of a slot of the uniform buffer, aligned as dynamic offsets must be. */
const slotBytes = (device: GPUDevice): number => Math.max(uniformBytes, device.limits.minUniformBufferOffsetAlignment);

/** Slot i holds { first + i, T }. */
function uniformsFor(device: GPUDevice, steps: number, first: number): Int32Array<ArrayBuffer> {
  const slots = Math.max(1, steps);
  const stride = slotBytes(device) / 4;
  const words = new Int32Array(stride * slots);
  for (let i = 0; i < slots; i++) words.set([first + i, steps], stride * i);
  return words;
}

/**
 * Encodes a whole run as one compute pass, in which each dispatch sees the writes of those before it. Commands are encoded again for
 * each run, since WebGPU has no command buffer that can be submitted twice. The step is a dynamic offset of the one bind group;
 * an immediate would save a buffer, but not every browser has immediates yet.
 */
function encode(
  device: GPUDevice,
  pass: GPUComputePassEncoder,
  group: GPUBindGroup,
  program: Program<GPUComputePipeline>,
  steps: number,
  start: number,
): void {
  const { maxComputeWorkgroupsPerDimension: most } = device.limits;
  const slot = slotBytes(device);
  let boundStep = -1;
  let boundPipeline: GPUComputePipeline | undefined;
  const dispatch: Dispatch<GPUComputePipeline> = (pipeline, t, gx, gy, gz) => {
    if (pipeline !== boundPipeline) pass.setPipeline(pipeline);
    boundPipeline = pipeline;
    for (const { first, count } of pieces(gy, most)) {
      if (t + first !== boundStep) pass.setBindGroup(0, group, [slot * (t + first - start)]);
      boundStep = t + first;
      pass.dispatchWorkgroups(gx, count, gz);
    }
  };
  execute(program, steps, dispatch, start);
  pass.end();
}

const kernelsOf = (command: Command): readonly string[] =>
  command.do === "dispatch" ? [command.kernel] : command.commands.flatMap(kernelsOf);

/** Reads all ranges in one transfer. */
async function read(watched: WatchedDevice, memory: Memory, ranges: readonly Range[]): Promise<Float32Array[]> {
  const { device } = watched;
  const floats = ranges.reduce((sum, range) => sum + floatsIn(range), 0);
  if (floats === 0) return ranges.map(() => new Float32Array(0));
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: "staging", size: 4 * floats, usage });
  watched.start(() => {
    const encoder = device.createCommandEncoder();
    let end = 0;
    for (const range of ranges) {
      for (let piece = 0; piece < range.count; piece++) {
        const from = 4 * (range.offset + piece * range.stride);
        encoder.copyBufferToBuffer(memory.buffers[range.region], from, staging, end, 4 * range.length);
        end += 4 * range.length;
      }
    }
    device.queue.submit([encoder.finish()]);
  });
  try {
    await watched.wait(staging.mapAsync(GPUMapMode.READ));
  } catch (thrown) {
    // Nothing but the loss of the device aborts it, which may be told later.
    if ((thrown as Error).name === "AbortError") await device.lost;
    // The device's own failure says why, if it has one.
    await watched.settle();
    throw thrown;
  }
  await watched.settle();
  const all = new Float32Array(staging.getMappedRange());
  let end = 0;
  const parts = ranges.map((range) => {
    end += floatsIn(range);
    return all.slice(end - floatsIn(range), end);
  });
  staging.destroy();
  return parts;
}
