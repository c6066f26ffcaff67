/** Small made-up data files, for a project whose data is still to come. They are the same everywhere. */

import type { ProjectKind } from "./project-kinds.ts";

/** Numbers in [0, 1), always the same (Steele, Lea & Flood 2014: SplitMix). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** The file's name, and its text. */
export const madeData: Readonly<Record<ProjectKind, { readonly file: string; readonly text: () => string }>> = {
  forecast: { file: "sales.csv", text: sales },
  classify: { file: "gestures.csv", text: gestures },
  language: { file: "sentences.txt", text: sentences },
  logs: { file: "sessions.log", text: sessions },
};

/** 600 days of a shop: visitors by weekday and season, and the sales that follow from them. */
function sales(): string {
  const random = uniform(1);
  const rows = Array.from({ length: 600 }, (_, day) => {
    const date = new Date(Date.UTC(2023, 0, 1 + day)).toISOString().slice(0, 10);
    const week = [0.6, 0.9, 0.9, 1, 1.1, 1.4, 1.3][day % 7];
    const visitors = Math.round(200 * week * (1 + 0.3 * Math.sin((2 * Math.PI * day) / 365)) * (0.9 + 0.2 * random()));
    return `${date},${visitors},${(visitors * (4 + random())).toFixed(2)}`;
  });
  return `date,visitors,sales\n${rows.join("\n")}\n`;
}

/** 240 movements of a hand, of 12 to 20 steps: circles, and waves to and fro. */
function gestures(): string {
  const random = uniform(2);
  const rows: string[] = [];
  for (let gesture = 1; gesture <= 240; gesture++) {
    const isCircle = random() < 0.5;
    const steps = 12 + Math.floor(9 * random());
    const [begin, speed] = [2 * Math.PI * random(), 0.4 + 0.2 * random()];
    for (let step = 0; step < steps; step++) {
      const angle = begin + speed * step;
      const [x, y] = [Math.cos(angle), isCircle ? Math.sin(angle) : 0].map((at) => at + 0.2 * (random() - 0.5));
      rows.push(`${gesture},${x.toFixed(3)},${y.toFixed(3)},${isCircle ? "circle" : "wave"}`);
    }
  }
  return `id,right,up,kind\n${rows.join("\n")}\n`;
}

/** 600 sentences of a few words. */
function sentences(): string {
  const random = uniform(3);
  const one = (words: readonly string[]): string => words[Math.floor(words.length * random())];
  const thing = (): string =>
    `the ${one(["small", "old", "red", "quiet"])} ${one(["boat", "house", "river", "bird", "road"])}`;
  const lines = Array.from(
    { length: 600 },
    () =>
      `${thing()} ${one(["waits for", "sees", "leaves", "remembers"])} ${thing()}${one([".", ".", ", too.", " again."])}`,
  );
  return `${lines.join("\n")}\n`;
}

/** 400 sessions of a service, a line of events each. */
function sessions(): string {
  const random = uniform(4);
  const lines = Array.from({ length: 400 }, () => {
    const events = ["login"];
    while (random() < 0.75 && events.length < 14)
      events.push(...(random() < 0.6 ? ["search", "open"] : ["edit", random() < 0.9 ? "save" : "cancel"]));
    return [...events, "logout"].join(" ");
  });
  return `${lines.join("\n")}\n`;
}
