/** A student cannot be used, or was closed. */
export class StudentError extends Error {}

export type Problem = "single_label" | "multi_label" | "regression";

/** A question that the student answers. */
export interface Head {
  /** Its name; empty for a student of one question. */
  readonly name: string;
  /** The class names; `["score"]` for a regression. */
  readonly classes: readonly string[];
  readonly problem: Problem;
}

/** A class of a text. */
export interface Entry {
  label: string;
  /** Its probability; of a regression the number itself. */
  score: number;
  /** The share of the tokens of the text that the student knows, if it was asked for. */
  coverage?: number;
}

export interface PredictOptions {
  /** The second texts of pairs. */
  textPairs?: string | Iterable<string>;
  /** Classes per text, best first; null for all. */
  topK?: number | null;
  /** Add the coverage to each entry. */
  coverage?: boolean;
}

export interface Scores {
  /** The logits, or of a regression the numbers, texts x outputs. */
  logits: Float32Array;
  /** The share of the tokens of each text that the student knows. */
  coverage: Float32Array;
}

/** An n-gram of a text that the student knows, or an unknown word that it reads by its characters. */
export interface Span {
  /** Its folded tokens with a space between; the boundaries of a text are U+0002 and U+0003. */
  ngram: string;
  /** Begin and end of each occurrence in the text, as in `text.slice(begin, end)`. */
  places: [number, number][];
  /** It is in the second text of a pair. */
  second: boolean;
  /** It is a word that is not in the vocabulary. */
  unknown: boolean;
  /** What it adds to each logit, in the order of the heads and their classes. */
  contributions: Float32Array;
}

export interface Explanation {
  heads: readonly Head[];
  logits: Float32Array;
  /** The logits without n-grams: with all contributions, they add up to `logits`. */
  emptyLogits: Float32Array;
  /** In the order of the text; those of the second text of a pair last. */
  spans: Span[];
  /** Begin and end of the tokens of each text. */
  tokens: [number, number][][];
}

export class Student {
  private constructor();
  /** Whether it compares two texts instead of reading one. */
  readonly pair: boolean;
  /** Whether it answers several questions. */
  readonly severalHeads: boolean;
  readonly heads: readonly Head[];
  /** The class names; null with several heads. */
  readonly classes: readonly string[] | null;
  readonly problem: Problem | null;

  /**
   * Logits and coverage of texts.
   *
   * @throws TypeError The texts are not strings, or do not fit the student.
   * @throws StudentError The student is damaged or was closed.
   */
  score(texts: string | Iterable<string>, textPairs?: string | Iterable<string>): Scores;

  /**
   * Classify texts, as a Python student does when it is called: one entry per text.
   *
   * @throws TypeError The texts are not strings, or do not fit the student; or topK is not above 0.
   * @throws StudentError The student is damaged or was closed.
   */
  predict(texts: string | Iterable<string>, options?: PredictOptions & { topK?: 1 }): Entry[];
  /** With another topK: a list per text, best first. With several heads: by their names. */
  predict(
    texts: string | Iterable<string>,
    options?: PredictOptions,
  ): Entry[] | Entry[][] | Record<string, Entry | Entry[]>[];

  /**
   * Why a text is classified as it is: what each n-gram adds to the logits (integrated gradients, exact).
   *
   * @throws TypeError The text is not a string, or does not fit the student.
   * @throws StudentError The student is damaged or was closed.
   */
  explain(text: string, textPair?: string): Explanation;

  /** Free the memory of the student, which cannot be used after. */
  close(): void;
}

/**
 * Load a compact student: the directory with its config.json and model.safetensors, by address, in Node also by path.
 *
 * @throws StudentError A file cannot be read or used.
 */
export function load(url: string | URL): Promise<Student>;

/**
 * Open a compact student whose files are in memory.
 *
 * @throws StudentError It cannot be used.
 */
export function open(config: string, model: Uint8Array): Promise<Student>;
