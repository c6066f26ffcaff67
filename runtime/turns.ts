/** The calls on a machine, which share its memory and are carried out one at a time. */

/** Something that was left in a machine's memory for later. */
export interface Resident {
  /** Saves it: the memory is about to be used for something else. */
  leave(): void;
}

export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  /** Calls that run or wait. */
  #open = 0;
  #resident: Resident | undefined;

  /** Whether no call runs or waits. */
  get idle(): boolean {
    return this.#open === 0;
  }

  /** Carries out a call after those before it. It finds the memory as `resident` left it, if that was the last one. */
  take<R>(act: () => Promise<R>, resident?: Resident): Promise<R> {
    this.#open++;
    const result = this.#last.then(async () => {
      try {
        if (this.#resident !== resident) this.#clear();
        return await act();
      } finally {
        this.#open--;
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Makes the memory that of `resident`. Returns whether it was already, and so is as it left it. */
  claim(resident: Resident): boolean {
    if (this.#resident === resident) return true;
    this.#clear();
    this.#resident = resident;
    return false;
  }

  #clear(): void {
    this.#resident?.leave();
    this.#resident = undefined;
  }
}
