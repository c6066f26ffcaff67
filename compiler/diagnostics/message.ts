/** One entry of the catalogue: what `cellc explain CODE` prints. */
export interface Message {
  /** A short name of the mistake. */
  readonly title: string;
  /** What it means and why it is a mistake. */
  readonly explanation: string;
  /** A text (or command) that makes it. */
  readonly example: string;
  /** The same, corrected, or what to do. */
  readonly fix: string;
}
