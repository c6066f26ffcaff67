/**
 * Workgroup memory for the lanes' partial results of reductions: tiles with a float for each lane, which are reused. A tile is
 * written, read after a barrier, and free again after the next barrier.
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

  /** The most tiles that fit. */
  get most(): number {
    return Math.floor(this.machine.tileBytes / (4 * invocationsOf(this.machine)));
  }

  /** Whether `count` more tiles are free without another barrier. */
  has(count: number): boolean {
    return this.taken + count <= this.most;
  }

  take(): Tile {
    const at = this.taken++;
    this.tiles[at] ??= { name: this.name(), size: invocationsOf(this.machine) };
    return this.tiles[at];
  }

  /** Frees all tiles: every lane has passed a barrier after reading them. */
  release(): void {
    this.taken = 0;
  }
}
