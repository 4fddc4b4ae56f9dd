// The columns of answers, as `sparsedistill predict` and `/bulk` name them.

/** What a student says of a text: an entry per question, with classes and scores, best first. */
export function readAnswer(questions, row) {
  return questions.map((question) => {
    if (question.problem === "regression") {
      return { question, number: row[question.name || "score"], ranked: [], chosen: [] };
    }
    const scores = probabilityColumns(question).map((column) => row[column]);
    const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
    const ranked = order.map((i) => ({ label: question.classes[i], score: scores[i] }));
    const chosen = question.problem === "multi_label" ? row[question.name || "labels"] : [ranked[0].label];
    return { question, number: null, ranked, chosen };
  });
}

/** The columns of the probabilities of the classes of a question. */
export function probabilityColumns(question) {
  const start = question.name ? `${question.name}_p_` : "p_";
  return question.problem === "regression" ? [] : question.classes.map((name) => start + name);
}

/** All columns of the answers of a student. */
export function answerColumns(student, probabilities) {
  const columns = student.questions.flatMap(({ name, problem }) => {
    if (problem === "single_label") {
      return name ? [name, `${name}_score`] : ["label", "score"];
    }
    return [name || (problem === "multi_label" ? "labels" : "score")];
  });
  columns.push(...(student.teacher ? ["deferred"] : []), "coverage");
  return probabilities ? [...columns, ...student.questions.flatMap(probabilityColumns)] : columns;
}

/** A number of 32 bits in as few digits as tell it from others. */
export function shortNumber(value) {
  for (const digits of [6, 7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) {
      return short;
    }
  }
  return value;
}

/** A number for people. */
export function rounded(value) {
  return String(Number(value.toPrecision(4)));
}

/** A probability for people. */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
