import { expect, test } from "vitest";
import { commentsOf } from "../../compiler/syntax/comments.ts";

const text = `// The first lines,
//   with an indented one.

// About a.
// More.
cell a(H = 4) {  // behind it
  param b : [H] = 0  // about b

  // Far above.

  param c : [H] = 0
  /* A block,
   * of two lines. */
  param d : [H] = 0
  param e : [H] = 0
}
`;
const comments = commentsOf(text);
const at = (word: string): number => text.indexOf(word);

test("lines of comments directly above belong to a place, as they are indented", () => {
  expect(comments.above(at("cell a"))).toEqual(["About a.", "More."]);
  expect(comments.above(at("d : "))).toEqual(["A block,", "of two lines."]);
});

test("a blank line, another statement or code before a comment parts them", () => {
  expect(comments.above(at("c : "))).toEqual([]);
  expect(comments.above(at("e : "))).toEqual([]);
  expect(comments.above(at("b : "))).toEqual([]);
});

test("a comment at the end of a line belongs to what is in the line", () => {
  expect(comments.after(at("a(H"))).toEqual(["behind it"]);
  expect(comments.after(at("b : "))).toEqual(["about b"]);
  expect(comments.after(at("e : "))).toEqual([]);
});

test("a text begins with a comment, or with none", () => {
  expect(comments.first()).toEqual(["The first lines,", "  with an indented one."]);
  expect(commentsOf("cell a(H = 4) {}\n// later\n").first()).toEqual([]);
  expect(commentsOf("").first()).toEqual([]);
});

test("line ends of any kind part lines", () => {
  const windows = commentsOf("// one\r\n// two\r\ncell a(H = 4) {\r\n  state h : [H] = 0  // three\r\n}\r\n");
  expect(windows.above("// one\r\n// two\r\n".length)).toEqual(["one", "two"]);
  expect(windows.after("// one\r\n// two\r\ncell a(H = 4) {\r\n  state".length)).toEqual(["three"]);
});
