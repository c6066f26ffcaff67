import type { Backend, Machine } from "../backend.ts";
import { messageOf, RuntimeError } from "../error.ts";
import { type Range, regionNames, regionSizes } from "../layout.ts";
import type { EntryName, Executable, Plan, RegionName } from "../plan.ts";
import { type Program, play, resolve } from "../program.ts";

/** Scratch for the kernels' tiles, at address 0. A kernel's tiles fit a core's cache, so this is plenty. */
const tileBytes = 2 ** 20;
const pageBytes = 2 ** 16;
/** All that 32-bit addresses reach: 4 GiB. */
const maxPages = 2 ** 16;
/** A cache line. */
const alignment = 64;

interface Kernel {
  readonly name: string;
  readonly call: (t: number, T: number, gx: number, gy: number, gz: number, from: number, to: number) => void;
}

type Addresses = Readonly<Record<RegionName, number>>;

/** The backend for executables of target `wasm`, on the calling thread. Runs wherever WebAssembly SIMD does. */
export function wasmBackend(): Backend {
  return { name: "wasm", open, close: () => {} };
}

async function open({ plan, code }: Executable): Promise<Machine> {
  if (code.kind !== "wasm") throw new Error(`the wasm backend cannot run code of kind ${code.kind}`);
  const memory = new WebAssembly.Memory({ initial: tileBytes / pageBytes, maximum: maxPages });
  const exports = await instantiate(code.binary, memory);
  const kernel = (name: string): Kernel => {
    const call = exports[name];
    if (typeof call !== "function") throw new RuntimeError("C0506", `the module exports no kernel \`${name}\``);
    return { name, call: call as Kernel["call"] };
  };
  const programs = new Map<string, Program<Kernel>>();
  for (const [name, entry] of Object.entries(plan.entries)) programs.set(name, resolve(entry.commands, kernel));

  let capacity = 0;
  let addresses = place(plan, capacity, memory, exports);

  return {
    async prepare(steps) {
      if (steps <= capacity) return;
      addresses = place(plan, steps, memory, exports);
      capacity = steps;
    },
    async run(entry: EntryName, steps) {
      const program = programs.get(entry);
      if (program === undefined) throw new Error(`the executable has no entry \`${entry}\``);
      let running = "";
      try {
        play(program, steps, ({ name, call }, t, gx, gy, gz) => {
          running = name;
          call(t, steps, gx, gy, gz, 0, gx * gy * gz);
        });
      } catch (thrown) {
        throw new RuntimeError("C0506", `kernel \`${running}\` of entry \`${entry}\` failed: ${messageOf(thrown)}`);
      }
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
    close() {},
  };
}

async function instantiate(binary: Uint8Array, memory: WebAssembly.Memory): Promise<WebAssembly.Exports> {
  try {
    const module = await WebAssembly.compile(binary as Uint8Array<ArrayBuffer>);
    return (await WebAssembly.instantiate(module, { env: { memory } })).exports;
  } catch (thrown) {
    throw new RuntimeError("C0506", `the WebAssembly module does not load: ${messageOf(thrown)}`);
  }
}

/**
 * Lays the regions out behind the tiles, grows the memory to hold them, and tells the module where they are. What does
 * not grow with the sequence comes first and therefore never moves, so its contents stay.
 */
function place(plan: Plan, steps: number, memory: WebAssembly.Memory, exports: WebAssembly.Exports): Addresses {
  const sizes = regionSizes(plan, steps);
  const addresses: Record<RegionName, number> = { param: 0, grad: 0, slot: 0, stat: 0, input: 0, work: 0 };
  let end = tileBytes;
  for (const name of regionNames) {
    addresses[name] = end;
    end = Math.ceil((end + 4 * sizes[name]) / alignment) * alignment;
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
  // A module that touches no tensor of a region need not export its address.
  const set = (name: string, address: number) => {
    const global = exports[name];
    if (global instanceof WebAssembly.Global) global.value = address | 0;
  };
  set("tiles", 0);
  for (const name of regionNames) set(`region_${name}`, addresses[name]);
  return addresses;
}

/** One piece of a range. Made anew each time, because a memory that grows leaves older views empty. */
function view(memory: WebAssembly.Memory, addresses: Addresses, range: Range, piece: number): Float32Array {
  const start = addresses[range.region] + 4 * (range.offset + piece * range.stride);
  return new Float32Array(memory.buffer, start, range.length);
}
