/**
 * A generated cloze task in the manner of the CNN corpus (Hermann et al. 2015): a document about some entities, and one of its sentences
 * with a placeholder for the entity. Which number an entity has is drawn anew for each document, so that only the document tells the
 * answer. Other sentences have the same verb or the same object, so that neither of the two tells it alone.
 */
import { permutation } from "../shuffle.ts";
import type { RandomStreams, ReadyTask, Split, Uniform } from "../task.ts";
import { type Passage, readingTask } from "./reading.ts";

/** Numbers that an entity can have, and how many entities a document is about. */
const ENTITIES = 16;
const FEWEST_ENTITIES = 4;
const MOST_ENTITIES = 8;

/** Words of a document. */
const SHORTEST = 20;
const LONGEST = 100;
/** Words of a sentence: five, and asides, so that there are this many for each sentence. */
const SENTENCE = 5;
const WORDS_PER_SENTENCE = 8;
const FEWEST_SENTENCES = 3;
const MOST_SENTENCES = Math.floor(LONGEST / WORDS_PER_SENTENCE);
const MOST_ASIDES = LONGEST - SENTENCE * (MOST_SENTENCES - 1);

const VERBS = ["found", "lost", "bought", "sold", "hid", "broke"] as const;
const OBJECTS = ["lamp", "key", "boat", "map", "ring", "coat"] as const;
const ASIDES = ["later", "again", "perhaps", "quietly", "then", "often", "early", "soon", "twice", "there"] as const;
/** An aside stands before one of these words of a sentence: `later @entity3 quietly found the lamp again .` */
const BEFORE = [0, 1, 4] as const;

const answers = Array.from({ length: ENTITIES }, (_, number) => `@entity${number}`);
const words: readonly string[] = [...answers, "@placeholder", "the", ".", "?", ...VERBS, ...OBJECTS, ...ASIDES];
const placeOf = (word: string): number => words.indexOf(word);
const [PLACEHOLDER, THE, STOP, QUESTION, VERB, OBJECT, ASIDE] = [
  ...["@placeholder", "the", ".", "?"],
  ...[VERBS[0], OBJECTS[0], ASIDES[0]],
].map(placeOf);

const SPLITS: Readonly<Record<Split, number>> = { train: 50_000, validation: 2_000, test: 2_000 };

/** The length, the cast, the question; entities' numbers; what is done with what; who does it; for each aside what it is and where. */
const DRAWS = 3 + ENTITIES + VERBS.length * OBJECTS.length + MOST_SENTENCES + 3 * MOST_ASIDES;

/** Example n of a split reads draws n·DRAWS … of the stream `cloze/<split>`. */
export function clozeTask(streams: RandomStreams): ReadyTask {
  return readingTask({
    name: "cloze",
    summary: `generated documents of ${SHORTEST} to ${LONGEST} words: which entity did what the question says`,
    words,
    answers,
    splits: SPLITS,
    steps: LONGEST,
    length: (split, index) => lengthOf(streams(`cloze/${split}`)(index * DRAWS)),
    passage: (split, index) => passageOf(streams(`cloze/${split}`), index * DRAWS),
  });
}

const lengthOf = (draw: number): number => SHORTEST + Math.floor(draw * (LONGEST - SHORTEST + 1));

function passageOf(uniform: Uniform, first: number): Passage {
  let next = first;
  const below = (count: number): number => Math.floor(uniform(next++) * count);
  const length = lengthOf(uniform(next++));
  const cast = FEWEST_ENTITIES + below(MOST_ENTITIES - FEWEST_ENTITIES + 1);
  const numbers = permutation(ENTITIES, uniform, next);
  next += ENTITIES;
  // No two sentences have both the same verb and the same object: a question has one answer.
  const deeds = permutation(VERBS.length * OBJECTS.length, uniform, next);
  next += deeds.length;
  const count = Math.max(FEWEST_SENTENCES, Math.floor(length / WORDS_PER_SENTENCE));
  const sentences = Array.from({ length: count }, (_, at) => {
    const [verb, object] = [deeds[at] % VERBS.length, Math.floor(deeds[at] / VERBS.length)];
    return { said: [numbers[below(cast)], VERB + verb, THE, OBJECT + object, STOP], asides: [[], [], [], [], []] };
  }) as readonly { readonly said: readonly number[]; readonly asides: readonly number[][] }[];
  const asked = sentences[below(count)].said;
  for (let left = length - SENTENCE * count; left > 0; left--) {
    const { asides } = sentences[below(count)];
    asides[BEFORE[below(BEFORE.length)]].push(ASIDE + below(ASIDES.length));
  }
  return {
    document: sentences.flatMap(({ said, asides }) => said.flatMap((word, at) => [...asides[at], word])),
    question: [PLACEHOLDER, ...asked.slice(1, -1), QUESTION],
    answer: asked[0],
  };
}
