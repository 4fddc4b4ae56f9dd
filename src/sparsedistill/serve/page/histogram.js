// How many texts have which score.

import { percent, rounded } from "./columns.js";
import { drawn, element } from "./dom.js";

const BINS = 20;
const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [640, 220, 60, 20, 30];

/** Counts of the answers of a file. */
export class Tally {
  constructor(questions) {
    this.texts = 0;
    this.questions = questions.map((question) => ({
      question,
      chosen: new Map(question.classes.map((name) => [name, 0])),
      confidence: new Uint32Array(BINS),
      bins: question.classes.map(() => new Uint32Array(BINS)),
      numbers: [],
    }));
  }

  /** Count the answer for a text: see readAnswer. */
  add(entries) {
    this.texts += 1;
    entries.forEach(({ question, number, ranked, chosen }, i) => {
      const counts = this.questions[i];
      if (number !== null) {
        counts.numbers.push(number);
        return;
      }
      const places = (counts.places ??= new Map(question.classes.map((name, c) => [name, c])));
      for (const { label, score } of ranked) {
        counts.bins[places.get(label)][binOf(score)] += 1;
      }
      counts.confidence[binOf(ranked[0].score)] += 1;
      chosen.forEach((label) => counts.chosen.set(label, counts.chosen.get(label) + 1));
    });
  }

  /** What a histogram can be drawn of: a name, and a function that gives its bins. */
  choices() {
    return this.questions.flatMap((counts) => {
      const { name, problem, classes } = counts.question;
      const start = name ? `${name}: ` : "";
      if (problem === "regression") {
        return [{ name: `${start}the number`, bins: () => binsOfNumbers(counts.numbers) }];
      }
      const shares = classes.map((label, c) => ({
        name: `${start}probability of ${label}`,
        bins: () => binsOfShares(counts.bins[c]),
      }));
      const confidence = { name: `${start}confidence`, bins: () => binsOfShares(counts.confidence) };
      return problem === "single_label" ? [confidence, ...shares] : shares;
    });
  }

  /** Tables of how many texts have each class. */
  tables() {
    return this.questions
      .filter(({ question }) => question.problem !== "regression")
      .map(({ question, chosen }) => {
        const rows = [...chosen].sort((a, b) => b[1] - a[1]).filter(([, count]) => count > 0);
        const caption = question.name ? `Texts of each class: ${question.name}` : "Texts of each class";
        return table(
          caption,
          ["class", "texts", "share"],
          rows.map(([label, count]) => [label, String(count), percent(count / this.texts)]),
        );
      });
  }
}

/** A drawing of bins, and the same as a table. */
export function drawHistogram(name, { edges, counts }) {
  const most = Math.max(1, ...counts);
  const step = (WIDTH - LEFT - 10) / counts.length;
  const floor = HEIGHT - BOTTOM;
  const ranges = [...counts].map((_, i) => `${rounded(edges[i])} to ${rounded(edges[i + 1])}`);
  const bars = [...counts].map((count, i) => {
    const height = (count / most) * (floor - TOP);
    const place = { x: LEFT + i * step + 1, y: floor - height, width: step - 2, height };
    return drawn("rect", place, drawn("title", {}, `${ranges[i]}: ${count} texts`));
  });
  const marks = [0, counts.length / 2, counts.length].map((i) => {
    const anchor = i === 0 ? "start" : i === counts.length ? "end" : "middle";
    return drawn("text", { x: LEFT + i * step, y: HEIGHT - 8, "text-anchor": anchor }, rounded(edges[i]));
  });
  const heights = [
    drawn("text", { x: LEFT - 6, y: TOP + 4, "text-anchor": "end" }, String(most)),
    drawn("text", { x: LEFT - 6, y: floor, "text-anchor": "end" }, "0"),
  ];
  const axis = drawn("line", { x1: LEFT, x2: WIDTH - 10, y1: floor, y2: floor });
  const described = { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" };
  described["aria-label"] = `Histogram of ${name}; its figures are in the table below`;
  const rows = ranges.map((range, i) => [range, String(counts[i])]);
  return [
    drawn("svg", described, ...bars, axis, ...marks, ...heights),
    element("details", {}, element("summary", {}, "Figures"), table(`Histogram of ${name}`, ["range", "texts"], rows)),
  ];
}

function table(caption, names, rows) {
  const cells = (row) =>
    row.map((value, i) =>
      i === 0 ? element("th", { scope: "row", dir: "auto" }, value) : element("td", { class: "number" }, value),
    );
  const head = names.map((name, i) => element("th", { scope: "col", class: i > 0 && "number" }, name));
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row)))),
  );
}

function binOf(share) {
  return Math.min(BINS - 1, Math.floor(share * BINS));
}

function binsOfShares(counts) {
  return { edges: Array.from({ length: BINS + 1 }, (_, i) => i / BINS), counts };
}

function binsOfNumbers(numbers) {
  const counts = new Uint32Array(BINS);
  let [least, most] = [Infinity, -Infinity];
  for (const number of numbers) {
    least = Math.min(least, number);
    most = Math.max(most, number);
  }
  if (!(most > least)) {
    [least, most] = numbers.length > 0 ? [least - 0.5, least + 0.5] : [0, 1];
  }
  for (const number of numbers) {
    counts[Math.min(BINS - 1, Math.floor(((number - least) / (most - least)) * BINS))] += 1;
  }
  return { edges: Array.from({ length: BINS + 1 }, (_, i) => least + ((most - least) * i) / BINS), counts };
}
