/** Which `}` closes which `{`, before anything is read. */
import type { IToken } from "chevrotain";
import * as T from "./tokens.ts";

/** The place of the `}` of each `{` that has one. */
export function closingBraces(words: readonly IToken[]): ReadonlyMap<IToken | undefined, number> {
  const open: IToken[] = [];
  const closedBy = new Map<IToken | undefined, number>();
  words.forEach((word, i) => {
    if (word.tokenType === T.LeftCurly) open.push(word);
    else if (word.tokenType === T.RightCurly && open.length > 0) closedBy.set(open.pop(), i);
  });
  return closedBy;
}
