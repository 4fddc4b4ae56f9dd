// What one student, or one teacher, says of the text that is typed.

import { explain, scoreOne } from "./api.js";
import { percent, readAnswer, rounded } from "./columns.js";
import { element, say } from "./dom.js";
import { afterPause, newest } from "./timing.js";
import { colouredTexts, ngramTable } from "./words.js";

const FEW = 10; // classes that are shown at first
const PAUSE = 600; // milliseconds without a key until a teacher is asked, which may be slow or cost money

/** Who can be asked in a column: a student by itself, or the teacher of a cascade. */
export function subjectsOf(student) {
  const { name, path, questions, pair } = student;
  const shared = { questions, pair, longest: student.longest_explained };
  if (!student.teacher) {
    return [{ ...shared, name, scores: path, explained: path }];
  }
  const own = { ...shared, name, scores: `${path}/student`, explained: `${path}/student`, cascade: path };
  return [own, { ...shared, name: `teacher of ${name}`, scores: `${path}/teacher`, slow: true }];
}

/** A column of the page. */
export class Column {
  /**
   * @param {Object} subject who is asked
   * @param {Function} answered called when the column shows another answer
   */
  constructor(subject, answered) {
    this.subject = subject;
    this.answer = null; // what is shown: texts, coverage and an entry per question
    this.chosen = { question: 0, label: null }; // what the words are coloured for; null is the predicted class
    this.texts = [];
    this.answered = answered;
    this.questions = subject.questions.map((question, i) => new Question(question, (label) => this.choose(i, label)));
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.facts = element("p", { class: "facts" });
    this.cascade = element("p", { class: "facts", hidden: true });
    this.words = element("div");
    this.element = element(
      "article",
      { class: "answer", "aria-label": subject.name },
      element("h3", {}, subject.name),
      this.problem,
      ...this.questions.map((each) => each.element),
      this.facts,
      this.cascade,
      this.words,
    );
    const score = newest((texts) => this.#guarded(() => this.#score(texts)));
    this.askScores = subject.slow ? afterPause(PAUSE, score) : score;
    this.askWords = newest((texts) => this.#guarded(() => this.#explain(texts)));
    this.askCascade = afterPause(PAUSE, newest((texts) => this.#guarded(() => this.#defer(texts))));
  }

  /** Ask about texts: one, or two for a student of pairs. */
  ask(texts) {
    this.texts = texts;
    say(this.problem, "");
    say(this.cascade, "");
    if (texts.every((text) => text === "")) {
      this.#clear();
      return;
    }
    this.askScores(texts);
    if (this.subject.explained !== undefined) {
      this.askWords(texts);
    }
    if (this.subject.cascade !== undefined) {
      this.askCascade(texts);
    }
  }

  /** Colour the words for a class; again for the predicted class if it is chosen already. */
  choose(question, label) {
    if (this.subject.explained === undefined || this.texts.length === 0) {
      return;
    }
    const again = this.chosen.question === question && this.chosen.label === label;
    this.chosen = { question, label: again ? null : label };
    this.askWords(this.texts);
  }

  /** The answer in a few words. */
  summary() {
    const said = this.answer.entries.map((entry) => (entry.question.name ? `${entry.question.name}: ` : "") + headline(entry));
    return `${this.subject.name}: ${said.join("; ")}. Coverage ${percent(this.answer.coverage)}.`;
  }

  async #score(texts) {
    const row = await scoreOne(this.subject.scores, texts);
    if (this.#isEmptied()) {
      return;
    }
    const entries = readAnswer(this.subject.questions, row);
    this.answer = { texts, coverage: row.coverage, entries };
    entries.forEach((entry, i) => this.questions[i].show(entry));
    this.facts.textContent = `Coverage ${percent(row.coverage)} of the words`;
    this.answered();
  }

  async #explain(texts) {
    const longest = Math.max(...texts.map((text) => Array.from(text).length));
    if (longest > this.subject.longest) {
      this.words.replaceChildren(`Words are coloured in texts of up to ${this.subject.longest} characters.`);
      return;
    }
    const { question, label } = this.chosen;
    const { name } = this.subject.questions[question];
    const found = await explain(this.subject.explained + (name ? `/${name}` : ""), texts, label);
    if (this.#isEmptied()) {
      return;
    }
    this.questions.forEach((each, i) => each.press(i === question ? found.label : null));
    this.words.replaceChildren(
      element("h4", {}, name ? `Why: ${name}, ${found.label}` : `Why: ${found.label}`),
      ...colouredTexts(texts, found),
      ngramTable(found),
    );
  }

  async #defer(texts) {
    const row = await scoreOne(this.subject.cascade, texts);
    if (texts === this.texts) {
      const said = readAnswer(this.subject.questions, row).map(headline).join("; ");
      say(this.cascade, row.deferred ? `The cascade asks its teacher: ${said}` : "The cascade takes this answer.");
    }
  }

  async #guarded(work) {
    try {
      await work();
    } catch (error) {
      say(this.problem, error.message);
    }
  }

  #isEmptied() {
    return this.texts.every((text) => text === "");
  }

  #clear() {
    this.answer = null;
    this.facts.textContent = "";
    this.words.replaceChildren();
    this.questions.forEach((each) => each.clear());
    this.answered();
  }
}

/** One question of a student: its answer, and all classes. */
class Question {
  constructor(question, choose) {
    this.choose = choose;
    this.pressed = null;
    this.entry = null;
    this.rows = [];
    this.all = false;
    this.headline = element("p", { class: "headline", dir: "auto" });
    this.body = element("tbody");
    this.more = element("button", { type: "button", hidden: true });
    this.more.onclick = () => {
      this.all = !this.all;
      this.show(this.entry);
    };
    const caption = question.problem === "regression" ? "Number" : "Classes";
    this.table = element("table", { hidden: true }, element("caption", {}, caption), this.body);
    const title = question.name ? [element("h4", {}, question.name)] : [];
    this.element = element("div", {}, ...title, this.headline, this.table, this.more);
  }

  show(entry) {
    this.entry = entry;
    const ranked = entry.number === null ? entry.ranked : [{ label: "score", score: entry.number }];
    const count = this.all ? ranked.length : Math.min(FEW, ranked.length);
    while (this.rows.length < count) {
      this.#addRow();
    }
    this.rows.forEach((row, i) => {
      row.element.hidden = i >= count;
      if (i < count) {
        row.fill(ranked[i], entry.number !== null);
      }
    });
    this.headline.textContent = headline(entry);
    this.table.hidden = false;
    this.more.hidden = ranked.length <= FEW;
    this.more.textContent = this.all ? `Only the first ${FEW} classes` : `All ${ranked.length} classes`;
    this.press(this.pressed);
  }

  press(label) {
    this.pressed = label;
    this.rows.forEach((row) => row.button.setAttribute("aria-pressed", String(row.label === label)));
  }

  clear() {
    this.headline.textContent = "";
    this.table.hidden = true;
    this.more.hidden = true;
  }

  #addRow() {
    const button = element("button", { type: "button", class: "class-button", dir: "auto", "aria-pressed": "false" });
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    const number = element("td", { class: "number" });
    const row = {
      button,
      label: null,
      element: element(
        "tr",
        {},
        element("th", { scope: "row" }, button),
        element("td", { class: "bar-cell" }, bar),
        number,
      ),
      fill({ label, score }, isNumber) {
        row.label = label;
        button.textContent = label;
        bar.hidden = isNumber;
        bar.style.width = isNumber ? "0" : `${100 * score}%`;
        number.textContent = isNumber ? rounded(score) : percent(score);
      },
    };
    button.onclick = () => this.choose(row.label);
    this.rows.push(row);
    this.body.append(row.element);
  }
}

/** The answer to a question in a few words. */
export function headline({ question, number, ranked, chosen }) {
  if (question.problem === "regression") {
    return rounded(number);
  }
  if (question.problem === "multi_label") {
    return chosen.length > 0 ? chosen.join(", ") : "none of the classes";
  }
  return `${ranked[0].label}, ${percent(ranked[0].score)}`;
}
