/** Where `.cell` files come from: a disk, a map in a test, a fetch in a browser. */
export interface SourceHost {
  /** The text at `path`, or undefined when there is none. */
  read(path: string): string | undefined;
  /** The path that `import … from "specifier"` in file `from` means. */
  resolve(from: string, specifier: string): string;
}
