// The core, compiled to WebAssembly: core/c/sparsedistill.h. All addresses are numbers, and views of the memory are
// created for each use, since it grows.

import { StudentError } from "./format.js";

const ABI = 1;
const STRUCT = 152; // bytes of sparsedistill_arrays for 32-bit addresses
const ITEM = 56; // of sparsedistill_item
const LINE = 64;
const BATCH_BYTES = 1 << 20;

export class Core {
  #exports;

  constructor(instance) {
    this.#exports = instance.exports;
    this.#exports._initialize();
    if (this.#exports.sparsedistill_abi() !== ABI) throw new StudentError("sparsedistill.wasm is of another version.");
  }

  /** A core with its own memory, from a compiled module. */
  static async create(module) {
    const random = globalThis.crypto ?? (await import(/* @vite-ignore */ "node:crypto")).webcrypto; // Node 18 lacks it
    let memory;
    const imports = {
      env: {
        emscripten_notify_memory_growth() {},
        getentropy(address, size) {
          random.getRandomValues(new Uint8Array(memory.buffer, address, size));
          return 0;
        },
      },
      wasi_snapshot_preview1: {
        proc_exit() {
          throw new StudentError("The core has ended: load the student again.");
        },
      },
    };
    const instance = await WebAssembly.instantiate(module, imports);
    memory = instance.exports.memory;
    return new Core(instance);
  }

  get #bytes() {
    return new Uint8Array(this.#exports.memory.buffer);
  }

  get #view() {
    return new DataView(this.#exports.memory.buffer);
  }

  /** Room for `size` bytes. */
  allocate(size) {
    const address = this.#exports.malloc(Math.max(size, 1)) >>> 0;
    if (address === 0) throw new StudentError(`There is no memory for ${size.toLocaleString("en")} more bytes.`);
    return address;
  }

  free(address) {
    this.#exports.free(address);
  }

  #check(code) {
    if (code === 0) return;
    const address = this.#exports.sparsedistill_error() >>> 0;
    const bytes = this.#bytes;
    const message = new TextDecoder().decode(bytes.slice(address, bytes.indexOf(0, address)));
    throw new StudentError(`The core refused its input (${message}).`);
  }

  /** Open a student: its address, and the addresses of the memory that must be freed with it. */
  open(config, arrays, tableDim) {
    const kept = [];
    try {
      const copied = (name) => {
        const array = arrays.get(name);
        if (array === undefined) return 0;
        const room = this.allocate(array.bytes.length + LINE);
        kept.push(room);
        const address = Math.ceil(room / LINE) * LINE;
        this.#bytes.set(array.bytes, address);
        return address;
      };
      const names = ["scale", "centre", "basis", "hidden.weight", "hidden.bias", "output.weight", "output.bias"];
      const addresses = new Map(["lines", "character_filter", "rows", ...names].map((name) => [name, copied(name)]));
      const struct = this.allocate(STRUCT);
      kept.push(struct);
      const out = this.allocate(4);
      kept.push(out);
      const view = this.#view;
      view.setBigUint64(struct, BigInt(STRUCT), true);
      const numbers = [config.maxNgram, Number(config.boundaries), config.minCharacters, config.maxCharacters];
      [...numbers, Number(config.closed), config.slots].forEach((n, i) => view.setInt32(struct + 8 + 4 * i, n, true));
      const sizes = [config.wide, config.dim, config.hidden, config.outputs, tableDim];
      sizes.forEach((n, i) => view.setBigUint64(struct + 32 + 8 * i, BigInt(n), true));
      ["lines", "character_filter", "rows"].forEach((name, i) => {
        view.setUint32(struct + 72 + 16 * i, addresses.get(name), true);
        view.setBigUint64(struct + 80 + 16 * i, BigInt(arrays.get(name)?.shape[0] ?? 0), true);
      });
      names.forEach((name, i) => view.setUint32(struct + 120 + 4 * i, addresses.get(name), true));
      this.#check(this.#exports.sparsedistill_open(struct, out));
      return { student: this.#view.getUint32(out, true), kept };
    } catch (error) {
      kept.forEach((address) => this.free(address));
      throw error;
    }
  }

  close(student) {
    this.#exports.sparsedistill_close(student);
  }

  /** Score encoded texts: logits, Float32Array (texts x outputs), and coverage, Float32Array (texts). */
  score(student, outputs, texts, pairs) {
    const logits = new Float32Array(texts.length * outputs);
    const coverage = new Float32Array(texts.length);
    for (let begin = 0; begin < texts.length; ) {
      let end = begin;
      for (let size = 0; end < texts.length && (end === begin || size < BATCH_BYTES); ++end) {
        size += texts[end].length + (pairs?.[end].length ?? 0) + LINE + 4 * outputs;
      }
      this.#scoreBatch(student, outputs, texts.slice(begin, end), pairs?.slice(begin, end), (scored, known) => {
        logits.set(scored, begin * outputs);
        coverage.set(known, begin);
      });
      begin = end;
    }
    return { logits, coverage };
  }

  #scoreBatch(student, outputs, texts, pairs, take) {
    const count = texts.length;
    const sides = pairs === undefined ? [texts] : [texts, pairs];
    const answers = count * (outputs + 1) * 4;
    const tables = sides.length * count * 16;
    const content = sides.flat().reduce((sum, text) => sum + text.length, 0);
    const room = this.allocate(answers + 8 + tables + content);
    try {
      const begin = Math.ceil((room + answers) / 8) * 8;
      const view = this.#view;
      const bytes = this.#bytes;
      let at = begin + tables;
      const starts = sides.map((side, number) => {
        const [sizes, places] = [begin + number * count * 16, begin + number * count * 16 + 8 * count];
        side.forEach((text, i) => {
          bytes.set(text, at);
          view.setBigUint64(sizes + 8 * i, BigInt(text.length), true);
          view.setUint32(places + 4 * i, at, true);
          at += text.length;
        });
        return [places, sizes];
      });
      const [secondPlaces, secondSizes] = starts[1] ?? [0, 0];
      const coverage = room + count * outputs * 4;
      this.#check(
        this.#exports.sparsedistill_score(
          student, ...starts[0], secondPlaces, secondSizes, BigInt(count), 1n, room, coverage,
        ),
      );
      const { buffer } = this.#exports.memory;
      take(new Float32Array(buffer, room, count * outputs), new Float32Array(buffer, coverage, count));
    } finally {
      this.free(room);
    }
  }

  /** Begin and end, in bytes, of the tokens of an encoded text. */
  tokens(text) {
    const room = this.allocate(16 + 17 * text.length);
    const count = Math.ceil(room / 8) * 8;
    const [places, start] = [count + 8, count + 8 + 16 * text.length];
    try {
      this.#bytes.set(text, start);
      const size = BigInt(text.length);
      this.#check(this.#exports.sparsedistill_tokens(start, size, places, size, count));
      const view = this.#view;
      return Array.from({ length: Number(view.getBigUint64(count, true)) }, (_, i) =>
        [0, 8].map((offset) => Number(view.getBigUint64(places + 16 * i + offset, true))),
      );
    } finally {
      this.free(room);
    }
  }

  /** What a student reads of one encoded text: { name, unknown, places, numbers } per item; places are in bytes. */
  read(student, dim, text) {
    const room = this.allocate(24 + text.length);
    const count = Math.ceil(room / 8) * 8;
    let items = 0;
    try {
      this.#bytes.set(text, count + 16);
      this.#check(this.#exports.sparsedistill_read(student, count + 16, BigInt(text.length), count + 8, count));
      items = this.#view.getUint32(count + 8, true);
      const total = Number(this.#view.getBigUint64(count, true));
      return Array.from({ length: total }, (_, i) => this.#item(items, i, dim));
    } finally {
      this.#exports.sparsedistill_release(items);
      this.free(room);
    }
  }

  #item(items, i, dim) {
    const room = this.allocate(ITEM + 8);
    try {
      const entry = Math.ceil(room / 8) * 8;
      this.#view.setBigUint64(entry, BigInt(ITEM), true);
      this.#check(this.#exports.sparsedistill_get(items, BigInt(i), entry));
      const view = this.#view;
      const size = Number(view.getBigUint64(entry + 16, true));
      const places = view.getUint32(entry + 32, true);
      const placeCount = Number(view.getBigUint64(entry + 40, true));
      const numbers = view.getUint32(entry + 48, true);
      const name = view.getUint32(entry + 8, true);
      return {
        name: new TextDecoder().decode(this.#bytes.slice(name, name + size)),
        unknown: view.getInt32(entry + 24, true) === 1,
        places: Array.from({ length: placeCount }, (_, k) =>
          [0, 8].map((offset) => Number(view.getBigUint64(places + 16 * k + offset, true))),
        ),
        numbers: new Float64Array(view.buffer, numbers, dim).slice(),
      };
    } finally {
      this.free(room);
    }
  }

  /** Probabilities of logits, Float32Array (rows x classes). */
  probabilities(logits, classes, multiLabel) {
    if (logits.length === 0) return new Float32Array(0);
    const room = this.allocate(2 * logits.byteLength);
    try {
      new Float32Array(this.#exports.memory.buffer, room, logits.length).set(logits);
      const rows = BigInt(logits.length / classes);
      const out = room + logits.byteLength;
      this.#check(
        this.#exports.sparsedistill_probabilities(room, rows, BigInt(classes), Number(multiLabel), out),
      );
      return new Float32Array(this.#exports.memory.buffer, out, logits.length).slice();
    } finally {
      this.free(room);
    }
  }
}
