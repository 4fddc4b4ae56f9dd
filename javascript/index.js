// Compact students of sparsedistill, without Python. The answers have the same bits as those of the Python package.

import { Core } from "./core.js";
import { contributions, emptyLogits, readHead } from "./explain.js";
import { StudentError, checkArrays, readConfig, readTensors } from "./format.js";
import { encode } from "./utf8.js";

export { StudentError };

const WASM = new URL("./sparsedistill.wasm", import.meta.url);
let compiled;

async function read(url) {
  if (url.protocol === "file:") {
    const { readFile } = await import(/* @vite-ignore */ "node:fs/promises");
    return await readFile(url).catch((error) => {
      throw new StudentError(`${url} cannot be read (${error.code}): check the path.`);
    });
  }
  const response = await fetch(url).catch((error) => {
    throw new StudentError(`${url} cannot be read (${error.message}): check the address.`);
  });
  if (!response.ok) throw new StudentError(`${url} cannot be read (status ${response.status}): check the address.`);
  return new Uint8Array(await response.arrayBuffer());
}

async function module() {
  compiled ??= read(WASM).then((bytes) => WebAssembly.compile(bytes));
  try {
    return await compiled;
  } catch (error) {
    compiled = undefined;
    throw error;
  }
}

async function addressOf(url) {
  const text = String(url);
  const base = globalThis.document?.baseURI ?? globalThis.location?.href; // of a page or of a worker
  let address;
  if (base === undefined && !/^[a-z][a-z0-9+.-]+:/i.test(text)) {
    const { pathToFileURL } = await import(/* @vite-ignore */ "node:url");
    address = pathToFileURL(text);
  } else if (URL.canParse(text, base)) {
    address = new URL(text, base);
  } else {
    throw new StudentError(`${text} is not an address: give that of a directory.`);
  }
  if (!address.pathname.endsWith("/")) address.pathname += "/";
  return address;
}

/**
 * Load a compact student.
 *
 * @param url The directory with its config.json and model.safetensors: an address, or in Node also a path.
 */
export async function load(url) {
  const directory = await addressOf(url);
  const names = ["config.json", "model.safetensors"];
  const [config, model] = await Promise.all(names.map((name) => read(new URL(name, directory))));
  return await open(new TextDecoder().decode(config), model);
}

/** Open a compact student whose files are in memory. */
export async function open(config, model) {
  const found = readConfig(config);
  // Slices of a Buffer of Node would share its memory.
  const arrays = readTensors(new Uint8Array(model.buffer, model.byteOffset, model.byteLength));
  const tableDim = checkArrays(found, arrays);
  for (const [name, array] of arrays) {
    const numbers = array.dtype === "F32" ? new Float32Array(array.bytes.slice().buffer) : [];
    if (!numbers.every(Number.isFinite)) throw new StudentError(`The array ${name} has numbers that are not finite.`);
  }
  const core = await Core.create(await module());
  return new Student(core, found, core.open(found, arrays, tableDim), readHead(arrays));
}

function listed(texts, name) {
  const list = typeof texts === "string" ? [texts] : Array.from(texts);
  const wrong = list.findIndex((text) => typeof text !== "string");
  if (wrong >= 0) throw new TypeError(`${name}[${wrong}] is a ${typeof list[wrong]}: give strings.`);
  return list;
}

/** For each byte of an encoded text, and for its end, the number of UTF-16 code units before its character. */
function unitsOf(text, bytes) {
  const units = new Uint32Array(bytes.length + 1);
  let before = 0;
  let size = 0; // of the current character in code units
  bytes.forEach((byte, i) => {
    if ((byte & 0xc0) !== 0x80) {
      before += size;
      size = byte >= 0xf0 ? 2 : 1;
    }
    units[i] = before;
  });
  units[bytes.length] = text.length;
  return units;
}

function best(scores, count) {
  const order = Array.from(scores.keys()).sort((one, other) => scores[other] - scores[one] || one - other);
  return count === null ? order : order.slice(0, count);
}

export class Student {
  #core;
  #config;
  #opened;
  #head;

  constructor(core, config, opened, head) {
    this.#head = head;
    this.#core = core;
    this.#config = config;
    this.#opened = opened;
    this.pair = config.pair;
    this.heads = Object.freeze(config.heads.map((head) => Object.freeze({ ...head })));
    this.severalHeads = config.severalHeads;
    this.classes = config.severalHeads ? null : config.heads[0].classes;
    this.problem = config.severalHeads ? null : config.heads[0].problem;
  }

  /** Logits and coverage of texts, or of pairs with `textPairs`. */
  score(texts, textPairs) {
    if (this.#opened === null) throw new StudentError("The student was closed: load it again.");
    const first = listed(texts, "texts");
    if ((textPairs !== undefined) !== this.pair) {
      const advice = this.pair ? "compares two texts: give textPairs." : "reads single texts: leave out textPairs.";
      throw new TypeError(`The student ${advice}`);
    }
    const second = this.pair ? listed(textPairs, "textPairs") : undefined;
    if (second !== undefined && second.length !== first.length) {
      throw new TypeError(`${first.length} texts came with ${second.length} second texts: give one for each.`);
    }
    const scored = this.#core.score(
      this.#opened.student, this.#config.outputs, first.map(encode), second?.map(encode),
    );
    if (!scored.logits.every(Number.isFinite)) {
      throw new StudentError("A score is not finite: the student is damaged, copy it again.");
    }
    return scored;
  }

  /**
   * Classify texts, as the Python student does when it is called: the best class of each text with its score; with
   * another `topK`, that many classes of each text, all with null. Several heads answer by name.
   */
  predict(texts, { textPairs, topK = 1, coverage = false } = {}) {
    if (topK !== null && !(Number.isSafeInteger(topK) && topK > 0)) {
      throw new TypeError(`topK is ${topK}: give a whole number above 0, or null for all classes.`);
    }
    const scored = this.score(texts, textPairs);
    const count = scored.coverage.length;
    const byHead = this.#answers(scored.logits, count).map(({ head, answers }) => {
      const entries = Array.from({ length: count }, (_, row) => {
        const scores = answers.subarray(row * head.classes.length, (row + 1) * head.classes.length);
        const found = best(scores, topK).map((c) => ({ label: head.classes[c], score: scores[c] }));
        if (coverage) found.forEach((entry) => (entry.coverage = scored.coverage[row]));
        return topK === 1 ? found[0] : found;
      });
      return { name: head.name, entries };
    });
    if (!this.severalHeads) return byHead[0].entries;
    const named = (row) => Object.fromEntries(byHead.map(({ name, entries }) => [name, entries[row]]));
    return Array.from({ length: count }, (_, row) => named(row));
  }

  /**
   * Why a text, or a pair, is classified as it is: what each n-gram adds to the logits. The logits of a text without
   * n-grams and all contributions add up to the logits.
   */
  explain(text, textPair) {
    const { logits } = this.score(text, textPair);
    const texts = textPair === undefined ? [text] : [text, textPair];
    if (texts.some((one) => typeof one !== "string")) throw new TypeError("Several texts were given: explain one.");
    const tokens = [];
    const sides = texts.map((one) => {
      const bytes = encode(one);
      const units = unitsOf(one, bytes);
      tokens.push(this.#core.tokens(bytes).map(([begin, end]) => [units[begin], units[end]]));
      return this.#core.read(this.#opened.student, this.#config.dim, bytes).map((item) => ({ ...item, units }));
    });
    const added = contributions(this.#head, sides);
    const spans = sides.flat().map((item, i) => ({
      ngram: item.name,
      places: item.places.map(([begin, end]) => [item.units[begin], item.units[end]]),
      second: i >= sides[0].length,
      unknown: item.unknown,
      contributions: added[i],
    }));
    const empty = emptyLogits(this.#head);
    return { heads: this.heads, logits, emptyLogits: empty, spans, tokens };
  }

  #answers(logits, count) {
    let begin = 0;
    return this.heads.map((head) => {
      const size = head.classes.length;
      const part = new Float32Array(count * size);
      for (let row = 0; row < count; ++row) {
        const from = row * this.#config.outputs + begin;
        part.set(logits.subarray(from, from + size), row * size);
      }
      begin += size;
      const isNumber = head.problem === "regression";
      return { head, answers: isNumber ? part : this.#core.probabilities(part, size, head.problem === "multi_label") };
    });
  }

  /** Free the memory of the student, which cannot be used after. */
  close() {
    if (this.#opened === null) return;
    this.#core.close(this.#opened.student);
    this.#opened.kept.forEach((address) => this.#core.free(address));
    this.#opened = null;
  }
}
