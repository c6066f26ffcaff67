import type { Backend, Direct, LoadedExecutable } from "../backend.ts";
import { closable, closed } from "../closable.ts";
import { messageOf, RuntimeError } from "../error.ts";
import { checkedCode } from "../executable.ts";
import { hostRegions, type Range, regionSizes } from "../layout.ts";
import { isSize, optionParser } from "../option-parser.ts";
import type { EntryName, Executable, HostRegion, Plan } from "../plan.ts";
import { sealedCode, type TakeCode } from "../sealed-code.ts";
import { isRecord } from "../shown.ts";
import { bestSimd, compileModule, compileSequencer, type Simd } from "./module.ts";
import { controlBytes, type Job } from "./thread.ts";
import { mostWords, programWords } from "./thread-program.ts";
import { type Costs, largestGrid, scheduleThreads, usualCosts } from "./thread-schedule.ts";
import { WorkerPool } from "./worker-pool.ts";
import { processors, sharesMemory } from "./workers.ts";

const pageBytes = 2 ** 16;
/** All that 32-bit addresses reach: 4 GiB. Modules declare it as the maximum of their memory. */
const maxPages = 2 ** 16;
/** A cache line. */
const alignment = 64;

/**
 * The most threads by default. Each takes some milliseconds to start and some megabytes, and a time step of a cell that is worth
 * splitting has a few tens of workgroups, which more threads cannot divide evenly.
 */
const mostThreads = 8;

/** What `wasmBackend` takes. */
export interface WasmOptions {
  /**
   * The most threads to use, the calling one included. Default: one for each processor, up to 8; 1 where memory cannot be shared
   * between threads. A small plan uses fewer.
   */
  readonly threads?: number;
  /** Default: the fastest that the engine has. The results of the two differ in their last bits. */
  readonly simd?: Simd;
  /** What threads cost on this machine. */
  readonly costs?: Costs;
}

const isCost = (value: unknown): boolean => typeof value === "number" && value >= 0;

const parseOptions = /* @__PURE__ */ optionParser<WasmOptions>("the options of the backend", {
  threads: ["a whole number from 1 on", isSize],
  simd: ["plain or relaxed", (value) => value === "plain" || value === "relaxed"],
  costs: ["two numbers from 0 on", (value: unknown) => isRecord(value) && isCost(value.barrier) && isCost(value.start)],
});

/** A backend that runs on threads of the processor. */
export interface WasmBackend extends Backend {
  /** How many threads it has, started or not. */
  readonly threads: number;
  readonly simd: Simd;
}

/** A plan for WebAssembly does not use `half`. */
type Addresses = Readonly<Record<HostRegion, number>>;

/**
 * The backend for executables of target `wasm`: the calling thread, and workers that start when they are first needed. Runs
 * wherever WebAssembly SIMD does. Results do not depend on the number of threads.
 */
export function wasmBackend(options: WasmOptions = {}): WasmBackend {
  return backendWith(checkedCode, options);
}

/** The same for executables that are part of a generated module, whose plans need no check. */
export function wasmModuleBackend(options: WasmOptions = {}): WasmBackend {
  return backendWith(sealedCode, options);
}

function backendWith(takeCode: TakeCode, options: WasmOptions): WasmBackend {
  const given = parseOptions(options);
  const { threads = Math.min(processors(), mostThreads), simd = bestSimd(), costs = usualCosts } = given;
  // Also once no worker can be started: what is compiled for shared memory goes on.
  const shared = sharesMemory() && threads > 1;
  const pool = new WorkerPool(shared ? threads : 1);
  let sequencer: Promise<WebAssembly.Module> | undefined;
  let machines = 0;
  let isClosed = false;
  return {
    name: "wasm",
    simd,
    get threads() {
      return pool.limit;
    },
    async open(executable) {
      if (isClosed) throw closed("backend");
      sequencer ??= compileSequencer(shared);
      const environment = { takeCode, pool, shared, simd, costs, sequencer: await sequencer, machine: machines++ };
      const machine = await open(executable, environment);
      return closable(machine, () => isClosed);
    },
    close() {
      isClosed = true;
      pool.close();
    },
  };
}

interface Environment {
  readonly takeCode: TakeCode;
  readonly pool: WorkerPool;
  /** Whether threads share the memory. */
  readonly shared: boolean;
  readonly simd: Simd;
  readonly costs: Costs;
  readonly sequencer: WebAssembly.Module;
  /** The machine's number among those of the backend. */
  readonly machine: number;
}

async function open(
  executable: Executable,
  { takeCode, pool, shared, simd, costs, sequencer, machine }: Environment,
): Promise<LoadedExecutable> {
  const { plan } = executable;
  const code = takeCode(executable, "wasm");
  const module = await compileModule(code, simd, shared);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: maxPages, shared });
  const exports = await instantiate(module, memory);
  for (const { name } of plan.kernels) {
    if (typeof exports[name] !== "function")
      throw new RuntimeError("C0506", `the module exports no kernel \`${name}\``);
  }
  const kernels = plan.kernels.map(({ name }) => name);
  const numbers = new Map(kernels.map((name, number) => [name, number]));
  pool.hold({ machine, memory, kernels, exports, sequencer: await instantiate(sequencer, memory) });
  const tileBytes = exports.tile_bytes instanceof WebAssembly.Global ? Number(exports.tile_bytes.value) : 0;
  const tileStride = aligned(tileBytes);
  // After the control block come the threads' programs for each entry, their tiles, and the regions.
  const programs = placePrograms(plan, pool.limit);
  const tiles = programs.end;
  const start = tiles + tileStride * pool.limit;

  let capacity = 0;
  let addresses = place(plan, capacity, memory, start);
  let globals = globalsOf(addresses);
  const schedules = new Map<EntryName, { readonly steps: number; readonly wanted: number; readonly threads: number }>();

  /**
   * Writes down what `wanted` threads at most do for an entry, only when something has changed. Returns how many take part: fewer, if
   * more would not pay.
   */
  const schedule = (entry: EntryName, steps: number, wanted: number): number => {
    const known = schedules.get(entry);
    if (known?.steps === steps && known.wanted === wanted) return known.threads;
    const { commands } = plan.entries[entry]!;
    const { program, threads } = scheduleThreads(
      plan,
      commands,
      steps,
      Math.min(wanted, largestGrid(plan, steps)),
      costs,
    );
    for (let index = 0; index < threads; index++) {
      const at = programs.of(entry) + index * programs.stride(entry);
      new Int32Array(memory.buffer, at).set(programWords(program, index, threads, numbers));
    }
    schedules.set(entry, { steps, wanted, threads });
    return threads;
  };

  /** Views of the regions, as long as memory does not grow. */
  let views: Partial<Record<HostRegion, Float32Array>> = {};
  /** The jobs of one thread, which are used again. */
  const jobs = new Map<EntryName, Job>();
  const jobOf = (entry: EntryName, steps: number, first: number, threads: number): Job => ({
    ...{ machine, entry, steps, first, threads, globals, tiles, tileStride },
    program: programs.of(entry),
    programStride: programs.stride(entry),
  });
  const direct: Direct = {
    region(name) {
      views[name] ??= new Float32Array(memory.buffer, addresses[name], regionSizes(plan, capacity)[name]);
      return views[name];
    },
    run(entry, steps, first) {
      schedule(entry, steps, 1);
      let job = jobs.get(entry);
      if (job?.steps !== steps || job.first !== first || job.globals !== globals) {
        job = jobOf(entry, steps, first, 1);
        jobs.set(entry, job);
      }
      const failure = pool.run(job);
      if (failure !== undefined) throw new RuntimeError("C0506", failure);
    },
    isAlone: (entry) => pool.limit === 1 || schedule(entry, 1, pool.limit) === 1,
  };

  return {
    direct,
    async prepare(steps) {
      if (steps <= capacity) return;
      addresses = place(plan, steps, memory, start);
      globals = globalsOf(addresses);
      views = {};
      capacity = steps;
    },
    async run(entry: EntryName, steps, first = 0) {
      if (plan.entries[entry] === undefined) throw new Error(`the executable has no entry \`${entry}\``);
      let threads = schedule(entry, steps, pool.limit);
      if (threads > 1) {
        const available = await pool.load({ machine, module, sequencer, memory, kernels }, threads);
        if (available < threads) threads = schedule(entry, steps, available);
      }
      const failure = pool.run(jobOf(entry, steps, first, threads));
      if (failure !== undefined) throw new RuntimeError("C0506", failure);
    },
    async write(range, data) {
      for (let piece = 0; piece < range.count; piece++) {
        const from = data.subarray(piece * range.length, (piece + 1) * range.length);
        view(memory, addresses, range, piece).set(from);
      }
    },
    async read(ranges) {
      return ranges.map((range) => {
        const data = new Float32Array(range.count * range.length);
        for (let piece = 0; piece < range.count; piece++) {
          data.set(view(memory, addresses, range, piece), piece * range.length);
        }
        return data;
      });
    },
    close() {
      pool.drop(machine);
    },
  };
}

/** Where the programs of each entry stand, one for each thread. */
function placePrograms(plan: Plan, threads: number) {
  const strides = new Map<string, number>();
  const starts = new Map<string, number>();
  let end = controlBytes(threads);
  for (const [name, { commands }] of Object.entries(plan.entries)) {
    const stride = aligned(4 * mostWords(commands));
    strides.set(name, stride);
    starts.set(name, end);
    end += stride * threads;
  }
  return { end, of: (entry: EntryName) => starts.get(entry)!, stride: (entry: EntryName) => strides.get(entry)! };
}

async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<WebAssembly.Exports> {
  try {
    return (await WebAssembly.instantiate(module, { env: { memory } })).exports;
  } catch (thrown) {
    throw new RuntimeError("C0506", `the WebAssembly module does not load: ${messageOf(thrown)}`);
  }
}

/** By the names under which modules export them. */
const globalsOf = (addresses: Addresses): Readonly<Record<string, number>> =>
  Object.fromEntries(hostRegions.map((name) => [`region_${name}`, addresses[name]]));

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/**
 * Lays the regions out from `start` on, after the threads' tiles, and grows the memory to hold them. What does not grow with the
 * sequence comes first, so it never moves and keeps its contents.
 */
function place(plan: Plan, steps: number, memory: WebAssembly.Memory, start: number): Addresses {
  const sizes = regionSizes(plan, steps);
  const addresses: Record<HostRegion, number> = { param: 0, grad: 0, slot: 0, stat: 0, input: 0, work: 0 };
  let end = start;
  for (const name of hostRegions) {
    addresses[name] = end;
    end = aligned(end + 4 * sizes[name]);
  }
  const missing = Math.ceil(end / pageBytes) - memory.buffer.byteLength / pageBytes;
  if (missing > 0) {
    try {
      memory.grow(missing);
    } catch {
      const gibibytes = (end / 2 ** 30).toFixed(2);
      throw new RuntimeError(
        "C0505",
        `${plan.name} needs ${gibibytes} GiB of memory for ${steps} steps, and WebAssembly cannot have that much here`,
        "use a smaller batch or shorter sequences",
      );
    }
  }
  return addresses;
}

/** One piece of a range. A new view each time, because a memory that grows detaches older ones. */
function view(memory: WebAssembly.Memory, addresses: Addresses, range: Range, piece: number): Float32Array {
  const start = addresses[range.region] + 4 * (range.offset + piece * range.stride);
  return new Float32Array(memory.buffer, start, range.length);
}
