/**
 * Workgroup memory for the lanes' partial results of reductions: tiles of a float for each lane, the same few again and again. A
 * tile is written, read after a barrier, and free after the next.
 */

import type { Tile } from "../kernel-ir/types.ts";
import { invocationsOf, type Machine } from "../machine.ts";

export class Partials {
  readonly tiles: Tile[] = [];
  private readonly machine: Machine;
  private readonly name: () => string;
  private taken = 0;

  constructor(machine: Machine, name: () => string) {
    this.machine = machine;
    this.name = name;
  }

  /** How many there may be. */
  get most(): number {
    return Math.floor(this.machine.tileBytes / (4 * invocationsOf(this.machine)));
  }

  /** Whether `count` more can be had without a barrier before. */
  has(count: number): boolean {
    return this.taken + count <= this.most;
  }

  take(): Tile {
    const at = this.taken++;
    this.tiles[at] ??= { name: this.name(), size: invocationsOf(this.machine) };
    return this.tiles[at];
  }

  /** Every lane has passed a barrier: what the tiles hold was read. */
  release(): void {
    this.taken = 0;
  }
}
