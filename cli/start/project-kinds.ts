/** What `cellc init` makes. */
export const projectKinds = ["forecast", "classify", "language", "logs"] as const;

export type ProjectKind = (typeof projectKinds)[number];
