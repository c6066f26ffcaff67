/**
 * Makes programs from the snippets in documents. What a snippet uses without declaring it is declared before it, as the
 * documents mean it: `x` is an input, `h` a state, `hh` a site.
 */
import { readFileSync } from "node:fs";
import { check } from "../../compiler/check.ts";
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";

import { files } from "./sources.ts";

/** Declarations by the name they declare. Each comes after what it uses. */
type Declarations = readonly (readonly [name: string, declaration: string])[];

const ofCell: Declarations = [
  ["Wx", "param Wx : [D, 4H] = orthogonal"],
  ["Wh", "param Wh : [H, 4H] = identity"],
  ["W", "param W : [D, H] = orthogonal"],
  ["b", "param b : [4H] = 0"],
  ["x", "input x : [D]"],
  ["h", "state h : [H] = 0"],
  ["c", "state c : [H] = 0"],
  ["hh", "site hh = h @ Wh"],
  ["xh", "site xh = x @ Wx"],
  ["a", "a = h @ Wh + x @ Wx + b"],
  ["cc", "site cc = c"],
];

const ofModel: Declarations = [
  ["E", "param E : [V, D] = normal(0.1)"],
  ["x", "input x : [D] over time"],
  ["s", "input s : [3]"],
  ["y", "target y : index(K)"],
  ["hs", "hs = scan rnn(D, H) over x"],
  ["logits", "param U : [H, K] = orthogonal\nlogits = last(hs) @ U"],
];

const cells = `
cell rnn(D = 28, H = 100) { param W : [D, H] = orthogonal; input x : [D]; state h : [H] = 0
  site hh = x @ W; h' = tanh(hh + h); output h' }
cell lstm2(D = 28, H = 100, S = 3) { param W : [D + S, H] = orthogonal; input x : [D]; input s : [S]; state h : [H] = 0
  state c : [H] = 0; c' = h + concat(x, s) @ W; h' = tanh(c'); output h', c' }
`;

const dims = "D = 28, H = 100, K = 10, V = 50, S = 3";

const example = (name: string): string => readFileSync(`examples/cells/${name}.cell`, "utf8");

/** The files that a snippet may import. */
const others = {
  "lstm.cell": example("lstm"),
  "bnlstm.cell": example("bnlstm"),
  "cells.cell": `${example("lstm")}\n${example("gru")}`,
};

const mentions = (text: string, name: string): boolean =>
  new RegExp(`(?<![\\w.])${name}(?![\\w])`).test(text.replace(/\/\/.*/g, ""));

const declares = (text: string, name: string): boolean =>
  new RegExp(`^\\s*(?:(?:param|input|state|target|site) )?(?:\\w+'?, )*${name}(?:, \\w+'?)*\\s*[:=](?!=)`, "m").test(
    text,
  );

/** The declarations of what `text` mentions and does not declare, and of what these mention. */
function missing(text: string, context: Declarations): string {
  let all = text;
  const found: string[] = [];
  for (const [name, declaration] of [...context].reverse()) {
    if (!mentions(all, name) || declares(text, name)) continue;
    found.unshift(declaration);
    all += `\n${declaration}`;
  }
  return found.join("\n");
}

/** A cell of these statements: its states get a next value, only those of the context or all, and it gets an output. */
function cell(statements: string, next: "context" | "all"): string {
  const context = missing(`${statements}\nh`, ofCell);
  const kept = (text: string): string =>
    [...text.matchAll(/^\s*state (\w+)/gm)]
      .map(([, state]) => state)
      .filter((state) => !new RegExp(`(?:^|[\\s,])${state}'[^=]*=[^=]`).test(statements))
      .map((state) => `${state}' = ${state}\n`)
      .join("");
  const output = /^\s*output /m.test(statements) ? "" : "input _x : [D]\noutput _x\n";
  const own = next === "all" ? kept(statements) : "";
  return `cell it(${dims}) {\n${context}\n${kept(context)}${statements}\n${own}${output}}\n`;
}

const model = (statements: string): string =>
  `model it(${dims}) {\n${missing(statements, ofModel)}\n${statements}\n}\n`;

/** The programs that a snippet may be: a file, the statements of a cell, or those of a model. */
export function programsOf(snippet: string): readonly string[] {
  if (/^(?:cell|model|norm|fn|import)\b/m.test(snippet)) return [snippet, `${snippet}\n${cells}`];
  return [cell(snippet, "context"), cell(snippet, "all"), model(snippet)].map((entry) => cells + entry);
}

/** What is wrong with each program that `snippet` may be: codes without repetition, in source order. */
export function problemsWith(snippet: string, severity?: Diagnostic["severity"]): readonly string[] {
  return programsOf(snippet).map((text) => {
    const all = check("it.cell", files({ ...others, "it.cell": text }));
    const wanted = all.filter((d) => severity === undefined || d.severity === severity);
    return [...new Set(wanted.map((d) => d.code))].join(" ");
  });
}
