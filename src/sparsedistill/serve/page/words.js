// A text with its words coloured by what they say for or against a class.

import { element } from "./dom.js";

const LEVELS = 5;
const LEAST = 0.05; // evidence that has the deepest colour at least: less is noise

/**
 * The texts of an explanation with coloured words, and what the colours mean.
 * @param {string[]} texts one or two texts
 * @param {Object} found an answer of /explain
 */
export function colouredTexts(texts, found) {
  const sides = [found.words, found.words_pair].slice(0, texts.length);
  const most = Math.max(LEAST, ...sides.flat().map((word) => Math.abs(word.evidence)));
  const what = found.label === "score" ? "the number" : found.label;
  const shown = texts.map((text, i) => {
    const name = texts.length === 1 ? "Text" : ["First text", "Second text"][i];
    const attributes = { class: "words", tabindex: 0, role: "group", dir: "auto" };
    attributes["aria-label"] = `${name} with words coloured for ${what}`;
    return element("p", attributes, ...pieces(text, sides[i], most));
  });
  const legend = element(
    "p",
    { class: "legend hint" },
    element("mark", { class: "for-3" }, "for"),
    " and ",
    element("mark", { class: "against-3" }, "against"),
    ` ${what}; the deeper, the more.`,
  );
  return [...shown, legend];
}

/** The strongest n-grams of an explanation as a table. */
export function ngramTable(found) {
  const rows = found.ngrams.map((each) => {
    const name = shownNgram(each.ngram) + (each.characters ? " (by its characters)" : "");
    return element(
      "tr",
      {},
      element("th", { scope: "row", dir: "auto" }, each.second ? `${name} (second text)` : name),
      element("td", { class: "number" }, signed(each.evidence)),
    );
  });
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, "n-gram"),
    element("th", { scope: "col", class: "number" }, "evidence"),
  );
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** An n-gram with visible signs for the boundaries of a text. */
export function shownNgram(ngram) {
  return ngram.replaceAll("\u0002", "␂").replaceAll("\u0003", "␃");
}

/** A number with its sign. */
export function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

function* pieces(text, words, most) {
  const characters = Array.from(text); // places count code points
  let at = 0;
  for (const { begin, end, evidence } of words) {
    if (begin > at) {
      yield characters.slice(at, begin).join("");
    }
    const level = Math.ceil((Math.abs(evidence) / most) * LEVELS - 0.5);
    const word = characters.slice(begin, end).join("");
    const kind = `${evidence < 0 ? "against" : "for"}-${level}`;
    yield level > 0 ? element("mark", { class: kind, title: signed(evidence) }, word) : word;
    at = end;
  }
  yield characters.slice(at).join("");
}
