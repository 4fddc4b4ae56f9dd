// The files of a student: docs/format.md. Nothing in them is trusted.

const LAYOUT = 4;
const TOKENIZER = 2;
const UNICODE = "15.0.0";
const FORMAT_VERSION = 3;
const MOST_UNITS = 65_536;
const MOST_CLASSES = 100_000;
const LONGEST_HEADER = 1 << 20;
const BYTES = { U8: 1, I8: 1, F32: 4, U64: 8 };
const PROBLEMS = ["single_label", "multi_label", "regression"];

/** A student cannot be used. */
export class StudentError extends Error {
  name = "StudentError";
}

/** A value of a file for a message: it can be anything. */
function shown(value) {
  return typeof value === "object" ? `a ${value === null ? "null" : typeof value}` : String(value).slice(0, 100);
}

function check(condition, message) {
  if (!condition) throw new StudentError(`${message}: save the student again, or update this package.`);
}

function integer(value, name, least, most) {
  check(Number.isSafeInteger(value) && value >= least && value <= most, `config.json: ${name} is ${shown(value)}`);
  return value;
}

function flag(value, name) {
  check(typeof value === "boolean", `config.json: ${name} is ${shown(value)}`);
  return value;
}

function object(value, name) {
  check(typeof value === "object" && value !== null && !Array.isArray(value), `${name} is not an object`);
  return value;
}

function headOf(found, name) {
  const { classes, problem } = found;
  check(Array.isArray(classes) && classes.length > 0 && classes.length <= MOST_CLASSES, "config.json has no classes");
  check(classes.every((one) => typeof one === "string" && one !== ""), "config.json: a class is not a name");
  check(new Set(classes).size === classes.length, "config.json: a class occurs twice");
  check(PROBLEMS.includes(problem), `config.json: problem is ${shown(problem)}`);
  check(typeof name === "string", "config.json: the name of a head is not a string");
  const isNumber = problem === "regression";
  check(!isNumber || (classes.length === 1 && classes[0] === "score"), "config.json: a regression has other classes");
  return { name, classes: Object.freeze([...classes]), problem };
}

function headsOf(config) {
  if (config.heads === undefined) return [headOf(config, "")];
  check(Array.isArray(config.heads) && config.heads.length > 0, "config.json: heads is not a list");
  const heads = config.heads.map((head) => headOf(object(head, "a head"), head.name));
  check(new Set(heads.map((head) => head.name)).size === heads.length, "config.json: a head occurs twice");
  return heads;
}

/** What config.json says of a compact student. */
export function readConfig(text) {
  let config;
  try {
    config = object(JSON.parse(text), "config.json");
  } catch (error) {
    if (error instanceof StudentError) throw error;
    throw new StudentError(`config.json is not JSON (${error.message}): copy the student again.`);
  }
  check(config.format === "sparsedistill", "config.json is not of a student of sparsedistill");
  check(config.format_version === FORMAT_VERSION, `config.json has the format version ${shown(config.format_version)}`);
  if (config.compact === undefined || config.compact === null) {
    throw new StudentError("The student is not compact: compress it, and load the compact one.");
  }
  const { layout, slots, wide } = object(config.compact, "config.json: compact");
  check(layout === LAYOUT, `the student has the layout ${shown(layout)}, and this package reads ${LAYOUT}`);
  const tokenizer = object(config.tokenizer, "config.json: tokenizer");
  check(tokenizer.version === TOKENIZER, `config.json: tokenizer.version is ${shown(tokenizer.version)}`);
  check(tokenizer.unicode === UNICODE, `config.json: tokenizer.unicode is ${shown(tokenizer.unicode)}`);
  const vocabulary = object(config.vocabulary, "config.json: vocabulary");
  integer(vocabulary.rows, "vocabulary.rows", 0, 2 ** 32);
  const dim = integer(config.dim, "dim", 1, MOST_UNITS);
  const heads = headsOf(config);
  return {
    heads,
    severalHeads: config.heads !== undefined,
    pair: flag(config.pair, "pair"),
    dim,
    hidden: integer(config.hidden, "hidden", 1, MOST_UNITS),
    outputs: heads.reduce((sum, head) => sum + head.classes.length, 0),
    slots: integer(slots, "compact.slots", 1, 10),
    wide: integer(wide, "compact.wide", 0, dim),
    maxNgram: integer(tokenizer.max_ngram, "tokenizer.max_ngram", 1, 8),
    boundaries: flag(tokenizer.boundaries, "tokenizer.boundaries"),
    minCharacters: integer(tokenizer.min_characters, "tokenizer.min_characters", 2, 8),
    maxCharacters: integer(tokenizer.max_characters, "tokenizer.max_characters", 0, 8),
    closed: flag(vocabulary.closed, "vocabulary.closed"),
  };
}

/** The arrays of a safetensors file by name: bytes, which are views of the file, and shape. */
export function readTensors(bytes) {
  const damaged = "model.safetensors is damaged";
  check(bytes.length >= 8, damaged);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  check(length <= LONGEST_HEADER && 8 + length <= bytes.length, damaged);
  let header;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
    header = object(JSON.parse(text), damaged);
  } catch {
    check(false, damaged);
  }
  const content = bytes.subarray(8 + length);
  const arrays = new Map();
  const spans = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = object(entry, damaged);
    const isSize = (n) => Number.isSafeInteger(n) && n >= 0;
    const areSizes = [shape, offsets].every((list) => Array.isArray(list) && list.every(isSize));
    check(areSizes && offsets.length === 2 && Object.hasOwn(BYTES, dtype), damaged);
    const [begin, end] = offsets;
    const size = shape.reduce((product, n) => product * n, BYTES[dtype]);
    check(end <= content.length && end - begin === size, damaged);
    spans.push([begin, end]);
    arrays.set(name, { dtype, shape, bytes: content.subarray(begin, end) });
  }
  spans.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  let at = 0;
  for (const [begin, end] of spans) {
    check(begin === at, damaged);
    at = end;
  }
  check(at === content.length, damaged);
  return arrays;
}

/** The arrays that a configuration asks for, with their types and shapes checked. */
export function checkArrays(config, arrays) {
  const tableDim = config.pair ? (arrays.get("basis")?.shape[0] ?? 0) : 0;
  check(!config.pair || (tableDim >= 1 && tableDim <= MOST_UNITS), "model.safetensors has no basis");
  const features = config.pair ? 5 * tableDim + 3 : config.dim;
  const forms = new Map([
    ["lines", ["U8", [null, 64]]],
    ["scale", ["F32", [config.dim]]],
    ["centre", ["F32", [config.dim]]],
    ["hidden.weight", ["F32", [config.hidden, features]]],
    ["hidden.bias", ["F32", [config.hidden]]],
    ["output.weight", ["F32", [config.outputs, config.hidden]]],
    ["output.bias", ["F32", [config.outputs]]],
  ]);
  if (config.maxCharacters > 0) forms.set("character_filter", ["U64", [null]]);
  if (config.pair) forms.set("basis", ["F32", [tableDim, config.dim]]);
  if (arrays.has("rows")) forms.set("rows", ["I8", [null, config.wide + config.dim]]);
  for (const name of new Set([...arrays.keys(), ...forms.keys()])) {
    const [dtype, shape] = forms.get(name) ?? [];
    const array = arrays.get(name);
    const isExpected = dtype !== undefined && array !== undefined && array.dtype === dtype;
    const fits = isExpected && array.shape.length === shape.length
      && shape.every((size, axis) => size === null || size === array.shape[axis]);
    check(fits, `model.safetensors: the array ${name} does not fit config.json`);
  }
  return tableDim;
}
