/**
 * The stories of bAbI (Weston et al. 2015): lines `ID sentence`, and `ID question<TAB>answer<TAB>IDs of the sentences that tell`. A story
 * begins where the ID is 1.
 */
import type { ByteSource } from "../byte-source.ts";
import type { Piece, Recording } from "../recording.ts";
import { readLines } from "./characters.ts";
import { fault } from "./fault.ts";

/**
 * Opens stories: a sequence for each question, of the words of its story so far and then of the question, in lower case; marks are words
 * of their own. Fields: `w` the words, `question` 1 at the words of the question and 0 before, `y` the answer. Throws C0401, and C0402
 * with the line.
 */
export async function openBabi(source: ByteSource): Promise<Recording> {
  const recording: Recording = {
    path: source.path,
    fields: {
      w: { kind: "symbol", over: "steps" },
      question: { kind: "number", over: "steps", shape: [] },
      y: { kind: "symbol", over: "sequence" },
    },
    pieces: () => questionsOf(source),
  };
  for await (const _ of recording.pieces()) return recording;
  throw fault(source.path, "there is no question in it");
}

async function* questionsOf(source: ByteSource): AsyncGenerator<Piece> {
  let story: string[] = [];
  let last = 0;
  let withBefore = false;
  for await (const lines of readLines(source)) {
    for (const { number: line, text } of lines) {
      const wrong = (reason: string, help?: string) => fault(source.path, reason, { line }, help);
      if (text.trim() === "") continue;
      const [, digits, rest] = /^(\d+) (.*)$/u.exec(text) ?? [];
      if (digits === undefined) throw wrong("want a number, a space and a sentence");
      const id = Number(digits);
      if (id !== 1 && id !== last + 1) throw wrong(`sentence ${id} follows sentence ${last}`);
      if (id === 1) {
        story = [];
        withBefore = false;
      }
      last = id;
      const parts = rest.split("\t");
      const words = wordsOf(parts[0]);
      if (words.length === 0) throw wrong("there is no word in the sentence");
      if (parts.length === 1) {
        story.push(...words);
        continue;
      }
      const answer = parts[1].trim();
      if (parts.length > 3 || answer === "" || !/^\d*(?: \d+)*$/.test((parts[2] ?? "").trim()))
        throw wrong("want a question, a tab, its answer, a tab and the numbers of sentences");
      const w = [...story, ...words];
      yield {
        begins: true,
        withBefore,
        steps: w.length,
        values: { w, question: new Float64Array(w.length).fill(1, story.length), y: [answer.toLowerCase()] },
      };
      withBefore = true;
    }
  }
}

const wordsOf = (sentence: string): readonly string[] =>
  sentence.toLowerCase().match(/[\p{L}\p{N}@_'-]+|[^\s]/gu) ?? [];
