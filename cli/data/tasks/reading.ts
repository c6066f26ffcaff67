/** Tasks of reading: a document, a question about it, and the answer, one word of those that can be answers. */
import { checkIndices, type ReadyTask, type Split, type TaskBatch } from "../task.ts";

/** The words by their places in the vocabulary, and the answer by its place among the answers. */
export interface Passage {
  readonly document: ArrayLike<number>;
  readonly question: ArrayLike<number>;
  readonly answer: number;
}

export interface Reading {
  readonly name: string;
  readonly summary: string;
  readonly words: readonly string[];
  readonly answers: readonly string[];
  readonly splits: Readonly<Record<Split, number>>;
  /** The steps of the longest document or question. */
  readonly steps: number;
  /** The steps of an example's document or question, whichever has more. */
  length(split: Split, index: number): number;
  /** Always the same for the same index. */
  passage(split: Split, index: number): Passage;
}

/** The time axis of questions. Documents, which are longer, are over the main one. */
export const QUESTION_AXIS = "question";

/** `document` and `question`, words on time axes of their own, and the class `y`. */
export function readingTask({ name, summary, words, answers, splits, steps, length, passage }: Reading): ReadyTask {
  const [V, K] = [words.length, answers.length];
  const known: Partial<Record<Split, Uint32Array>> = {};
  return {
    name,
    summary,
    inputs: {
      document: { kind: "index", size: V, time: true },
      question: { kind: "index", size: V, time: true, axis: QUESTION_AXIS },
      y: { kind: "index", size: K, time: false },
    },
    dims: { V, K },
    steps,
    splits,
    outputs: { y: { kind: "classes", names: answers } },
    lengths(split) {
      known[split] ??= Uint32Array.from({ length: splits[split] }, (_, index) => length(split, index));
      return known[split];
    },
    text(split, index) {
      checkIndices(name, split, splits[split], Uint32Array.of(index));
      const { document, question, answer } = passage(split, index);
      const said = (of: ArrayLike<number>): string => Array.from(of, (word) => words[word]).join(" ");
      return `${said(document)}\n${said(question)}\n${answers[answer]}`;
    },
    batch(split, indices): TaskBatch {
      checkIndices(name, split, splits[split], indices);
      const passages = Array.from(indices, (index) => passage(split, index));
      const documents = sideBySide(passages.map(({ document }) => document));
      const questions = sideBySide(passages.map(({ question }) => question));
      return {
        inputs: {
          document: documents.values,
          question: questions.values,
          y: Float32Array.from(passages, ({ answer }) => answer),
        },
        steps: documents.steps,
        examples: indices.length,
        lengths: { time: documents.lengths, [QUESTION_AXIS]: questions.lengths },
      };
    },
  };
}

/** Sequences as [T, B], with the first word behind the ends of the shorter ones. */
function sideBySide(sequences: readonly ArrayLike<number>[]): {
  readonly values: Float32Array;
  readonly steps: number;
  readonly lengths: Uint32Array;
} {
  const lengths = Uint32Array.from(sequences, ({ length }) => length);
  const steps = Math.max(...lengths);
  const values = new Float32Array(steps * sequences.length);
  for (const [b, sequence] of sequences.entries())
    for (let t = 0; t < sequence.length; t++) values[t * sequences.length + b] = sequence[t];
  return { values, steps, lengths };
}
