/** What the page and its worker say to each other. */
import type { Choice, Target } from "./backends.ts";

/** What the page asks of the worker. */
export type Ask =
  /** Trains on. Moves to the chosen backend first, if it is another one. The seed counts before the first step only. */
  | { readonly ask: "start"; readonly choice: Choice; readonly seed: number }
  | { readonly ask: "pause" }
  /** Forgets the model. */
  | { readonly ask: "reset" }
  | { readonly ask: "save" }
  /** Goes on, later, where the checkpoint in `bytes` was saved. */
  | { readonly ask: "load"; readonly bytes: ArrayBuffer; readonly choice: Choice };

/** Where the worker stands. */
export interface Standing {
  readonly running: boolean;
  /** Updates so far, or where training goes on if the model was lost. */
  readonly step: number;
  /** When training pauses by itself. */
  readonly goal: number;
  /** Undefined if nothing is open. */
  readonly open?: { readonly backend: Target; readonly why: string };
}

/** What the model says of one of the held-out waves. */
export interface Answer {
  /** Numbers of `kinds`. */
  readonly kind: number;
  readonly answer: number;
  /** How sure the model is, from 0 to 1. */
  readonly probability: number;
}

/** What the worker tells the page. */
export type Told =
  | { readonly told: "standing"; readonly standing: Standing }
  /** A model was opened or loaded. `goesOn`: it goes on with the training that the page shows. */
  | { readonly told: "opened"; readonly step: number; readonly seed: number; readonly goesOn: boolean }
  /** A step of training: loss and accuracy of its batch, before the update. */
  | { readonly told: "step"; readonly step: number; readonly loss: number; readonly accuracy: number }
  /** The accuracy of the held-out batch, and the answers for the waves that the page shows. */
  | { readonly told: "examined"; readonly step: number; readonly accuracy: number; readonly answers: readonly Answer[] }
  | { readonly told: "saved"; readonly step: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly told: "failed"; readonly failure: Failure };

/** An error as the page shows it. */
export interface Failure {
  /** Of the runtime's catalogue; undefined if the error is no error of the runtime. */
  readonly code?: string;
  readonly message: string;
  readonly help?: string;
}
