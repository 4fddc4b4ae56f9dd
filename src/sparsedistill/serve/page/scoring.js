// The section in which a file is scored: it is read, sent and written a part at a time.

import { scoreRows } from "./api.js";
import { answerColumns, readAnswer, shortNumber } from "./columns.js";
import { byId, say, setChoices } from "./dom.js";
import { drawHistogram, Tally } from "./histogram.js";
import { formatOf, readBatches } from "./records.js";

const SHOWN = 500; // milliseconds between two states of the histogram
const SAID = 2000; // and between two of the text that screen readers speak
const PIECE = 2 ** 22; // characters that are kept as strings

/** Choosing a file, scoring it, and the result. */
export class Scoring {
  constructor() {
    this.file = null;
    this.job = null;
    byId("file").addEventListener("change", () => this.#choose(byId("file").files[0]));
    byId("column").addEventListener("change", () => this.#sample());
    byId("score").addEventListener("click", () => this.#start());
    byId("stop").addEventListener("click", () => this.job?.stop.abort());
    byId("histogram-class").addEventListener("change", () => this.#draw());
    const drop = byId("drop");
    for (const name of ["dragover", "dragleave", "drop"]) {
      // Also next to the field: a browser would leave the page to show the file.
      window.addEventListener(name, (event) => event.preventDefault());
      drop.addEventListener(name, () => drop.classList.toggle("over", name === "dragover"));
    }
    drop.addEventListener("drop", (event) => this.#choose(event.dataTransfer.files[0]));
    this.#choose(byId("file").files[0]); // chosen before the students were listed
  }

  /** Ask another student. */
  use(student) {
    this.student = student;
    this.#forget();
    byId("column-pair-field").hidden = !student.pair;
  }

  async #choose(file) {
    if (file === undefined) {
      return;
    }
    this.#forget();
    this.file = null;
    byId("file-options").hidden = true;
    try {
      const format = formatOf(file.name);
      const batches = readBatches(file, format);
      const { value: batch } = await batches.next();
      await batches.return();
      if (batch === undefined) {
        throw new Error(`${file.name} has no records.`);
      }
      this.file = file;
      this.first = format.names.map((_, column) => format.sample(batch[0], column));
      this.#offer(format.names);
    } catch (error) {
      say(byId("file-problem"), error.message);
    }
  }

  #offer(names) {
    const choices = names.map((name, i) => [i, name]);
    const longest = this.first.reduce((best, text, i) => (text.length > this.first[best].length ? i : best), 0);
    const found = (name) => names.findIndex((each) => each.toLowerCase() === name);
    const text = found("text") === -1 ? longest : found("text");
    setChoices(byId("column"), choices);
    setChoices(byId("column-pair"), choices);
    byId("column").value = text;
    byId("column-pair").value = found("text_pair") === -1 ? Math.min(text + 1, names.length - 1) : found("text_pair");
    byId("file-options").hidden = false;
    byId("file-status").textContent = `${this.file.name} is ready to be scored.`;
    this.#sample();
  }

  #sample() {
    const text = this.first[byId("column").value];
    byId("sample").textContent = text.length > 200 ? `${text.slice(0, 200)} …` : text;
  }

  async #start() {
    this.#forget();
    const columns = [byId("column"), byId("column-pair")].slice(0, this.student.pair ? 2 : 1);
    const job = new Job(this.file, this.student, columns.map(({ value }) => Number(value)), byId("probabilities").checked);
    this.job = job;
    this.#running(true);
    byId("stop").focus();
    const showing = setInterval(() => this.#show(job), SHOWN);
    let problem = "";
    try {
      await job.run();
    } catch (error) {
      problem = error.name === "AbortError" ? "Stopped." : error.message;
    }
    clearInterval(showing);
    if (job === this.job) {
      this.#end(job, problem);
    }
  }

  #running(running) {
    byId("score").hidden = running;
    byId("stop").hidden = !running;
    byId("progress").hidden = !running;
    byId("file").disabled = running;
  }

  #end(job, problem) {
    const hadFocus = document.activeElement === byId("stop");
    this.#running(false);
    if (hadFocus) {
      byId("score").focus();
    }
    job.said = -Infinity;
    this.#show(job);
    say(byId("file-problem"), [problem, job.refused()].filter(Boolean).join(" "));
    if (job.texts > 0) {
      this.url = URL.createObjectURL(job.result());
      const link = byId("download");
      link.href = this.url;
      link.download = this.file.name.replace(/(\.[^.]*)$/, ".scored$1");
      link.textContent = problem ? `Download the first ${job.texts} records` : `Download ${link.download}`;
      link.hidden = false;
    }
  }

  #show(job) {
    byId("progress").value = job.read / Math.max(job.file.size, 1);
    if (job.texts === 0) {
      return;
    }
    const now = performance.now();
    if (now - job.said > SAID) {
      job.said = now;
      const seconds = (job.seen - job.begun) / 1000;
      byId("file-status").textContent =
        `${job.texts.toLocaleString("en")} texts scored in ${seconds.toFixed(1)} seconds.`;
    }
    if (byId("file-result").hidden) {
      setChoices(byId("histogram-class"), job.tally.choices().map(({ name }, i) => [i, name]));
      byId("download").hidden = true;
      byId("file-result").hidden = false;
    }
    this.#draw();
  }

  #draw() {
    if (this.job === null) {
      return;
    }
    const { tally } = this.job;
    const chosen = tally.choices()[byId("histogram-class").value];
    const open = byId("histogram").querySelector("details")?.open ?? false;
    byId("histogram").replaceChildren(...drawHistogram(chosen.name, chosen.bins()));
    byId("histogram").querySelector("details").open = open;
    byId("counts").replaceChildren(...tally.tables());
  }

  /** Leave the result, also one that is being made. */
  #forget() {
    this.job?.stop.abort();
    this.job = null;
    this.#running(false);
    URL.revokeObjectURL(this.url);
    byId("file-result").hidden = true;
    byId("file-status").textContent = "";
    say(byId("file-problem"), "");
  }
}

/** A file that is being scored. */
class Job {
  constructor(file, student, columns, probabilities) {
    [this.file, this.student, this.columns, this.probabilities] = [file, student, columns, probabilities];
    this.stop = new AbortController();
    this.tally = new Tally(student.questions);
    [this.texts, this.read, this.said] = [0, 0, -Infinity];
    [this.failed, this.failure] = [0, ""]; // records without an answer, and why the first one has none
    this.begun = this.seen = performance.now();
    [this.pieces, this.blobs, this.held] = [[], [], 0];
  }

  /** Score all records. The next ones are read and sent while the server answers. */
  async run() {
    const format = formatOf(this.file.name);
    const { signal } = this.stop;
    let before = Promise.resolve();
    try {
      for await (const batch of readBatches(this.file, format, (bytes) => (this.read = bytes))) {
        signal.throwIfAborted();
        const rows = batch.map((record) => this.columns.map((column) => format.text(record, column).toWellFormed()));
        const earlier = before;
        before = this.#score(format, batch, rows, earlier);
        await earlier;
      }
    } finally {
      await before.catch(() => {}); // what has been sent is part of the result, also if reading has failed
    }
    await before;
  }

  /** What has been scored, as a file. */
  result() {
    return new Blob([...this.blobs, ...this.pieces]);
  }

  /** How many records could not be scored, and why. */
  refused() {
    return this.failed === 0 ? "" : `${this.failed} of ${this.texts} records have no answer. ${this.failure}`;
  }

  async #score(format, batch, rows, earlier) {
    const [found] = await Promise.all([scoreRows(this.student.path, rows, { signal: this.stop.signal }), earlier]);
    this.#take(format, batch, found);
  }

  #take(format, batch, found) {
    const columns = answerColumns(this.student, this.probabilities);
    if (this.texts === 0) {
      this.#write(format.head(freeNames(columns, format.names)));
    }
    batch.forEach((record, i) => {
      const answer = found[i];
      if (answer.error === undefined) {
        this.tally.add(readAnswer(this.student.questions, answer));
      } else {
        this.failed += 1;
        this.failure ||= `Record ${record.number}: ${answer.error}`;
      }
      const values = columns.map((name) => answer[name]);
      this.#write(format.line(record, values.map((value) => (typeof value === "number" ? shortNumber(value) : value))));
    });
    this.texts += batch.length;
    this.seen = performance.now();
  }

  #write(text) {
    this.pieces.push(text);
    this.held += text.length;
    if (this.held > PIECE) {
      this.blobs.push(new Blob(this.pieces)); // which the browser may keep on disk
      [this.pieces, this.held] = [[], 0];
    }
  }
}

/** Names for the columns of answers that the file does not have. */
function freeNames(columns, taken) {
  let start = "";
  while (columns.some((name) => taken.includes(start + name))) {
    start += "predicted_";
  }
  return columns.map((name) => start + name);
}
