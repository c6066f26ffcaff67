/** The device's clock, read where passes begin and end, so that a run is timed without waiting for it. */
export class Clock {
  readonly #queries: GPUQuerySet;
  readonly #stamps: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** For at most 2048 passes, on a device with the feature `timestamp-query`. */
  constructor(device: GPUDevice, passes: number) {
    const count = 2 * Math.max(1, passes);
    const size = 8 * count;
    this.#queries = device.createQuerySet({ label: "clock", type: "timestamp", count });
    this.#stamps = device.createBuffer({
      label: "stamps",
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#staging = device.createBuffer({
      label: "clock",
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** The descriptor that times the pass with this number. */
  pass(number: number): GPUComputePassDescriptor {
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [2 * number, 2 * number + 1];
    return { timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex, endOfPassWriteIndex } };
  }

  /** Call it after the last pass. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, this.#queries.count, this.#stamps, 0);
    encoder.copyBufferToBuffer(this.#stamps, 0, this.#staging, 0, this.#staging.size);
  }

  /** Nanoseconds of each pass, once they have run. Destroys the clock. */
  async read(): Promise<readonly number[]> {
    await this.#staging.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(this.#staging.getMappedRange().slice(0));
    this.#staging.destroy();
    this.#stamps.destroy();
    this.#queries.destroy();
    // A clock may be reset between two stamps: a negative duration is unknown and counts as 0.
    return Array.from({ length: stamps.length / 2 }, (_, i) =>
      Math.max(0, Number(BigInt.asIntN(64, stamps[2 * i + 1] - stamps[2 * i]))),
    );
  }
}
