// The section in which a text is typed.

import { Column, subjectsOf } from "./answers.js";
import { byId, element, say, setChoices } from "./dom.js";
import { afterPause } from "./timing.js";

const QUIET = 800; // milliseconds without an answer until a screen reader is told

/** The fields for one or two texts, and a column for each student or teacher that is asked. */
export class Typing {
  constructor(students) {
    this.subjects = students.flatMap(subjectsOf);
    this.columns = [];
    this.speak = afterPause(QUIET, () => this.#speak());
    for (const id of ["text", "text-pair"]) {
      byId(id).addEventListener("input", () => this.#ask());
    }
    byId("other").addEventListener("change", () => this.#show());
  }

  /** Ask another student. */
  use(student) {
    [this.first] = subjectsOf(student);
    this.others = this.subjects.filter((each) => each.scores !== this.first.scores && each.pair === student.pair);
    setChoices(byId("other"), [["", "(nothing)"], ...this.others.map((each, i) => [i, each.name])]);
    byId("other").disabled = this.others.length === 0;
    byId("pair").hidden = !student.pair;
    this.#show();
  }

  #show() {
    const other = byId("other").value;
    const subjects = other === "" ? [this.first] : [this.first, this.others[other]];
    const columns = subjects.map((subject) => new Column(subject, () => this.#answered(columns)));
    this.columns = columns;
    byId("answers").replaceChildren(...columns.map((column) => column.element));
    say(byId("agreement"), "");
    this.#ask();
  }

  #ask() {
    const ids = this.first.pair ? ["text", "text-pair"] : ["text"];
    const texts = ids.map((id) => byId(id).value.toWellFormed());
    this.columns.forEach((column) => column.ask(texts));
  }

  #answered(columns) {
    if (columns !== this.columns) {
      return; // an answer for a column that is not shown any more
    }
    const answers = columns.map((column) => column.answer);
    const both = columns.length === 2 && answers.every((answer) => answer !== null);
    const same = both && answers[0].texts.every((text, i) => text === answers[1].texts[i]);
    if (same) {
      say(byId("agreement"), agreement(answers));
    } else if (!both) {
      say(byId("agreement"), "");
    }
    this.speak();
  }

  #speak() {
    const said = this.columns.filter((column) => column.answer !== null).map((column) => column.summary());
    byId("spoken").replaceChildren(...said.map((each) => element("span", {}, `${each} `)));
  }
}

/** Whether two answers say the same, question by question. */
function agreement([one, other]) {
  const said = one.entries.flatMap((entry) => {
    const against = other.entries.find(
      ({ question }) => question.name === entry.question.name && question.problem === entry.question.problem,
    );
    return against === undefined ? [] : [compared(entry, against)];
  });
  return said.join(" ");
}

function compared(entry, against) {
  const { name, problem } = entry.question;
  const start = name ? `${name}: ` : "";
  if (problem === "regression") {
    return `${start}The numbers differ by ${Math.abs(entry.number - against.number).toFixed(3)}.`;
  }
  const [a, b] = [entry, against].map((each) => [...each.chosen].sort().join(", ") || "none of the classes");
  return start + (a === b ? `Both say ${a}.` : `They differ: ${a} and ${b}.`);
}
