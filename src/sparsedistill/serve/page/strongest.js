// The section of the strongest n-grams.

import { strongestNgrams } from "./api.js";
import { byId, element, say, setChoices } from "./dom.js";
import { shownNgram, signed } from "./words.js";

/** A list of the strongest n-grams of a class. */
export class Strongest {
  constructor() {
    byId("list-ngrams").addEventListener("click", () => this.#load());
    byId("ngrams-class").addEventListener("change", () => this.#show());
  }

  /** Ask another student. */
  use(student) {
    this.student = student;
    this.classes = [];
    byId("ngrams-result").hidden = true;
    byId("list-ngrams").disabled = student.pair;
    byId("ngrams-status").textContent = student.pair
      ? "The n-grams of a student of pairs say nothing by themselves: type two texts."
      : "";
    say(byId("ngrams-problem"), "");
  }

  async #load() {
    const { student } = this;
    say(byId("ngrams-problem"), "");
    byId("ngrams-status").textContent = "Ranking the n-grams …";
    try {
      const found = await strongestNgrams(student);
      if (student === this.student) {
        const heads = Array.isArray(found) ? [["", found]] : Object.entries(found);
        this.classes = heads.flatMap(([head, classes]) =>
          classes.map(({ label, ngrams }) => ({ name: head ? `${head}: ${label}` : label, ngrams })),
        );
        setChoices(byId("ngrams-class"), this.classes.map(({ name }, i) => [i, name]));
        byId("ngrams-result").hidden = false;
        this.#show();
      }
    } catch (error) {
      say(byId("ngrams-problem"), error.message);
    } finally {
      byId("ngrams-status").textContent = "";
    }
  }

  #show() {
    const { name, ngrams } = this.classes[byId("ngrams-class").value];
    const most = Math.max(...ngrams.map((each) => Math.abs(each.evidence)));
    const rows = ngrams.map(({ ngram, evidence }) => {
      const bar = element("span", { class: "bar", "aria-hidden": "true" });
      bar.style.width = `${(100 * Math.max(evidence, 0)) / most}%`;
      return element(
        "tr",
        {},
        element("th", { scope: "row", dir: "auto" }, shownNgram(ngram)),
        element("td", { class: "bar-cell" }, bar),
        element("td", { class: "number" }, signed(evidence)),
      );
    });
    const caption = element("caption", {}, `n-grams that speak for ${name}, with their evidence`);
    byId("ngrams").replaceChildren(element("table", {}, caption, element("tbody", {}, ...rows)));
  }
}
