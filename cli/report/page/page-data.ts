/** What a report's page is made of, and what its scripts are given, which the type checker reads here, too. */

/** A column of the table: texts to show and keys to sort by, one for each row; undefined keys come last. */
export interface Column {
  readonly title: string;
  readonly numeric: boolean;
  readonly keys: readonly (number | string | undefined)[];
  readonly texts: readonly string[];
}

export interface ReportRow {
  readonly name: string;
  /** Number of its colour, 0 … 7; undefined for those that have none of their own. */
  readonly colour: number | undefined;
  readonly best: boolean;
  /** Whether it is there to be compared with. */
  readonly bare: boolean;
  /** What can be chosen by: the norm at each site. */
  readonly facets: Readonly<Record<string, string>>;
  readonly statuses: readonly string[];
  /** More lines for two rows side by side. */
  readonly details?: readonly { readonly title: string; readonly text: string }[];
  /** Longer words that the table has no room for. */
  readonly note?: string;
}

export interface ChartLine {
  /** The number of its row in the table. */
  readonly row: number;
  readonly colour: number | undefined;
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Chart {
  readonly title: string;
  readonly words: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly yFormat: "number" | "percent";
  /** Fitted to the data with some room, or from the least to the largest value exactly. */
  readonly xKind: "fitted" | "exact";
  readonly yKind: "fitted" | "log";
  /** Marks at the points: none, small ones on a line, large ones without a line. */
  readonly dots?: "small" | "large";
  /** A dashed line at a value. */
  readonly rule?: { readonly value: number; readonly label: string };
  readonly lines: readonly ChartLine[];
}

/** Differences with their 95 % intervals, in groups. */
export interface EffectChart {
  readonly title: string;
  readonly words: string;
  readonly xLabel: string;
  readonly format: Chart["yFormat"];
  readonly better: "min" | "max";
  readonly groups: readonly {
    readonly name: string;
    readonly items: readonly {
      readonly label: string;
      readonly mean: number;
      readonly interval: readonly [number, number] | null;
      readonly words: string;
    }[];
  }[];
}

/** The JSON in the page. */
export interface PageData {
  readonly columns: readonly {
    readonly title: string;
    readonly texts: readonly string[];
    readonly keys: readonly (number | string | null)[];
  }[];
  readonly rows: readonly ReportRow[];
  readonly effects?: EffectChart;
  readonly charts: readonly Chart[];
}

/** How the lines of a row are drawn. */
export type RowState = "hidden" | "faint" | "plain" | "strong";

/** What `charts.js` gives to `page.js`. Both draw anew when they are called again. */
export interface ReportCharts {
  /** Draws curves or dots. `state` is asked with the number of a row. */
  lines(figure: HTMLElement, chart: Chart, state: (row: number) => RowState): void;
  /** Draws differences with their intervals, one below the other in groups, about a line at 0. */
  intervals(figure: HTMLElement, effects: EffectChart): void;
}

declare global {
  interface Window {
    reportCharts: ReportCharts;
  }
}
