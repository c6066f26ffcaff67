/** What is used of jsfive, which declares no types. */
declare module "jsfive" {
  export class Group {
    readonly name: string;
    readonly keys: readonly string[];
    readonly attrs: Readonly<Record<string, unknown>>;
    get(path: string): unknown;
  }
  export class File extends Group {
    constructor(bytes: ArrayBuffer, name: string);
  }
  export class Dataset {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: unknown;
    readonly value: ArrayLike<unknown>;
  }
}
