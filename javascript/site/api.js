// The page of the server without a server: this file takes the place of src/sparsedistill/serve/page/api.js, and
// answers as the server does. make_site.py puts the files together.

import { load } from "../package/index.js";

const LONGEST_LIST = 10; // n-grams of an explanation
const opened = new Map(); // students by path

async function json(path) {
  const answer = await fetch(new URL(path, document.baseURI));
  if (!answer.ok) {
    throw new Error(`${path} cannot be read (status ${answer.status}): is the site complete?`);
  }
  return answer.json();
}

/** The students of the site. */
export async function listStudents() {
  return json("students.json");
}

/** The strongest n-grams of each class. */
export async function strongestNgrams(student) {
  return json(`${student.path}/ngrams.json`);
}

function studentOf(path) {
  if (!opened.has(path)) {
    const loading = load(new URL(path, document.baseURI));
    loading.catch(() => opened.delete(path));
    opened.set(path, loading);
  }
  return opened.get(path);
}

/** A path of a student and, for one of several questions, the name of a question. */
function split(path) {
  const parts = path.split("/");
  return [parts.slice(0, 2).join("/"), parts.slice(2).join("/")];
}

/** The answers for some texts, in columns like those of `sparsedistill predict`. */
export async function scoreRows(path, rows, { probabilities = true, signal } = {}) {
  const student = await studentOf(path);
  signal?.throwIfAborted();
  const pairs = student.pair ? rows.map(([, second]) => second) : undefined;
  const entries = student.predict(rows.map(([first]) => first), { textPairs: pairs, topK: null, coverage: true });
  return entries.map((found) => columnsOf(student, student.severalHeads ? found : { "": found }, probabilities));
}

function columnsOf(student, found, probabilities) {
  const row = {};
  for (const { name, problem } of student.heads) {
    const ranked = found[name];
    if (problem === "regression") {
      row[name || "score"] = ranked[0].score;
    } else if (problem === "multi_label") {
      row[name || "labels"] = ranked.filter(({ score }) => score >= 0.5).map(({ label }) => label);
    } else {
      row[name || "label"] = ranked[0].label;
      row[name ? `${name}_score` : "score"] = ranked[0].score;
    }
  }
  row.coverage = found[student.heads[0].name][0].coverage;
  for (const { name, problem } of probabilities ? student.heads : []) {
    const start = name ? `${name}_p_` : "p_";
    for (const { label, score } of problem === "regression" ? [] : found[name]) {
      row[start + label] = score;
    }
  }
  return row;
}

/** The answer for one text, or pair of texts, as `scoreRows` gives it. */
export async function scoreOne(path, texts) {
  return (await scoreRows(path, [texts]))[0];
}

/** Why texts are answered as they are: what /explain of the server answers. */
export async function explain(path, texts, label) {
  const [folder, question] = split(path);
  const student = await studentOf(folder);
  const found = student.explain(...texts);
  let first = 0;
  for (const head of student.heads) {
    if (head.name === question) {
      return described(found, head, first, texts, label);
    }
    first += head.classes.length;
  }
  throw new Error(`The student has no question ${question}.`);
}

function described(found, { classes, problem }, first, texts, label) {
  const part = (values) => values.subarray(first, first + classes.length);
  const logits = part(found.logits);
  const chosen = label === null ? logits.indexOf(Math.max(...logits)) : classes.indexOf(label);
  const evidence = (values) => evidenceOf(part(values), chosen, problem);
  const empty = evidence(found.emptyLogits);
  const spans = found.spans.map((span) => ({ ...span, evidence: evidence(span.contributions) }));
  const characters = texts.map(charactersOf);
  const words = found.tokens.map((tokens, side) => {
    const own = spans.filter(({ second }) => second === (side === 1));
    return wordsOf(tokens, own, characters[side]);
  });
  const ranked = [...spans].sort((one, other) => Math.abs(other.evidence) - Math.abs(one.evidence));
  return {
    label: classes[chosen],
    total: empty + spans.reduce((sum, span) => sum + span.evidence, 0),
    empty,
    ngrams: ranked.slice(0, LONGEST_LIST).map(({ ngram, evidence, second, unknown }) => {
      return { ngram, evidence, second, characters: unknown };
    }),
    words: words[0],
    words_pair: words[1] ?? [],
  };
}

/** What is said for a class, minus the mean of the others if classes exclude each other. */
function evidenceOf(values, chosen, problem) {
  if (problem !== "single_label" || values.length < 2) {
    return values[chosen];
  }
  const others = values.reduce((sum, value) => sum + value, 0) - values[chosen];
  return values[chosen] - others / (values.length - 1);
}

/** For each code unit of a text, and for its end, the number of characters before it: the page counts these. */
function charactersOf(text) {
  const before = new Uint32Array(text.length + 1);
  let [unit, count] = [0, 0];
  for (const character of text) {
    before[unit] = count;
    unit += character.length;
    count += 1;
  }
  before[text.length] = count;
  return before;
}

/** The tokens of a text with their shares: the evidence of an n-gram is split evenly over those of all its places. */
function wordsOf(tokens, spans, characters) {
  const shares = new Float64Array(tokens.length);
  for (const { places, evidence } of spans) {
    const covered = places.map(([begin, end]) => [
      tokens.findIndex((token) => token[0] >= begin),
      tokens.findLastIndex((token) => token[1] <= end) + 1,
    ]);
    const inside = covered.filter(([from, to]) => from >= 0 && to > from);
    const count = inside.reduce((sum, [from, to]) => sum + to - from, 0);
    for (const [from, to] of inside) {
      for (let i = from; i < to; ++i) shares[i] += evidence / count;
    }
  }
  return tokens.map(([begin, end], i) => ({ begin: characters[begin], end: characters[end], evidence: shares[i] }));
}
