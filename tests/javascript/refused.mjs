// Damaged students and wrong arguments: each must be a StudentError or a TypeError with a sentence.
import { readFileSync } from "node:fs";

const [, , index, folder] = process.argv;
const { StudentError, load, open } = await import(index);
const config = readFileSync(`${folder}/student/config.json`, "utf8");
const model = new Uint8Array(readFileSync(`${folder}/student/model.safetensors`));

async function refused(what, action, kind = StudentError) {
  try {
    await action();
  } catch (error) {
    if (error instanceof kind && /^[A-Z\/a-z].*\.$/s.test(error.message)) {
      console.log(`refused: ${what}: ${error.message}`);
      return;
    }
    throw error;
  }
  throw new Error(`${what} was accepted`);
}

const student = await open(config, model);
if (student.predict("good").length !== 1) throw new Error("one text has one answer");
await refused("numbers as texts", () => student.predict([1]), TypeError);
await refused("pairs", () => student.predict(["a"], { textPairs: ["b"] }), TypeError);
await refused("topK", () => student.predict(["a"], { topK: 0 }), TypeError);
student.close();
student.close();
await refused("a closed student", () => student.predict(["a"]));
await refused("a directory that does not exist", () => load(`${folder}/nothing`));
await refused("an address that does not answer", () => load("http://127.0.0.1:9/"));
await refused("a student as trained", () => load(`${folder}/trained`));

for (const [path, value] of [
  [["format"], "other"], [["format_version"], 99], [["compact"], null], [["compact", "layout"], 3],
  [["compact", "slots"], 11], [["compact", "wide"], -1], [["dim"], 0], [["dim"], 1e9], [["hidden"], 1.5],
  [["classes"], []], [["classes"], ["a", "a"]], [["classes"], ["a"]], [["problem"], "other"], [["pair"], 1],
  [["pair"], true], [["tokenizer", "version"], 1], [["tokenizer", "unicode"], "1.0"], [["tokenizer", "max_ngram"], 9],
  [["tokenizer", "max_characters"], 4], [["vocabulary"], null], [["tokenizer"], []],
]) {
  const changed = JSON.parse(config);
  const last = path.at(-1);
  path.slice(0, -1).reduce((at, key) => at[key], changed)[last] = value;
  await refused(`${path.join(".")} = ${JSON.stringify(value)}`, () => open(JSON.stringify(changed), model));
}
for (const [path, value] of [
  [["classes"], Array.from({ length: 3 }, (_, i) => `${i}`)], [["problem"], "regression"], [["vocabulary", "rows"], -1],
  [["format_version"], { toString: 1, valueOf: 1 }], [["problem"], { toString: 1 }], [["compact", "layout"], ["a".repeat(1e6)]],
]) {
  const changed = JSON.parse(config);
  path.slice(0, -1).reduce((at, key) => at[key], changed)[path.at(-1)] = value;
  await refused(path.join("."), () => open(JSON.stringify(changed), model));
}
await refused("no JSON", () => open("{", model));
await refused("a list", () => open("[]", model));

const length = Number(new DataView(model.buffer, model.byteOffset).getBigUint64(0, true));
const header = JSON.parse(new TextDecoder().decode(model.subarray(8, 8 + length)));
function rewritten(change) {
  const changed = structuredClone(header);
  change(changed);
  const text = new TextEncoder().encode(JSON.stringify(changed));
  const bytes = new Uint8Array(8 + text.length + model.length - 8 - length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(model.subarray(8 + length), 8 + text.length);
  return bytes;
}
const changes = [
  (h) => delete h.lines, (h) => delete h.scale, (h) => (h.lines.dtype = "F32"), (h) => (h.lines.dtype = "F99"),
  (h) => (h.lines.shape = [-1, 64]), (h) => (h.lines.shape = [2 ** 60, 64]), (h) => (h.lines.shape = "x"),
  (h) => (h.lines.data_offsets = [0]), (h) => (h.lines.data_offsets = [0, 1e15]), (h) => (h.lines.data_offsets[0] += 64),
  (h) => (h.more = h.scale), (h) => (h.scale.data_offsets = h.centre.data_offsets), (h) => (h.lines = null),
];
for (const change of changes) await refused(String(change), () => open(config, rewritten(change)));
for (const cut of [0, 4, 8, 100, length, 8 + length, model.length - 1]) {
  await refused(`cut to ${cut} bytes`, () => open(config, model.subarray(0, cut)));
}
for (let i = 0; i < 20; ++i) {
  const noise = crypto.getRandomValues(new Uint8Array(1000));
  await refused("noise", () => open(config, noise));
}
// What only the core checks.
await refused("no lines", () => open(config, withLines(0)));
const [dim] = header.scale.shape;
if (dim < 2) throw new Error("the rows are too short for this test");
const narrow = JSON.parse(config);
Object.assign(narrow.compact, { slots: 10, wide: dim }); // 2 bytes per row
await refused("slots that are too small for the rows", () => open(JSON.stringify(narrow), model));
function withLines(count) {
  const size = header.lines.data_offsets[1] - 64 * count;
  const bytes = rewritten((h) => {
    h.lines.shape[0] = count;
    for (const [name, entry] of Object.entries(h)) {
      if (name !== "__metadata__") entry.data_offsets = name === "lines" ? [0, 64 * count] : entry.data_offsets.map((n) => n - size);
    }
  });
  const start = bytes.length - (model.length - 8 - length);
  return new Uint8Array([...bytes.subarray(0, start + 64 * count), ...bytes.subarray(start + header.lines.data_offsets[1])]);
}
const spelt = readFileSync(`${folder}/spelt/config.json`, "utf8");
const spelling = readFileSync(`${folder}/spelt/model.safetensors`); // a Buffer, whose slices share its memory
(await open(spelt, spelling)).close();
for (const [least, most] of [[5, 4], [2, 0]]) {
  const changed = JSON.parse(spelt);
  Object.assign(changed.tokenizer, { min_characters: least, max_characters: most });
  await refused(`characters of ${least} to ${most}`, () => open(JSON.stringify(changed), spelling));
}
const long = await open(config, model);
if (long.predict(`${"a".repeat(300_000)}\ud800`).length !== 1) throw new Error("one text has one answer");
long.close();
const nan = model.slice();
new DataView(nan.buffer).setFloat32(8 + length + header.scale.data_offsets[0], NaN, true);
await refused("a scale that is not a number", () => open(config, nan));
for (let i = 0; i < 200; ++i) {
  const broken = model.slice();
  for (let k = 0; k < 50; ++k) broken[8 + length + Math.floor(Math.random() * header.lines.data_offsets[1])] = 255 * Math.random();
  const opened = await open(config, broken);
  try {
    opened.predict(["a good film", "it was dull", "x".repeat(5000)]);
  } catch (error) {
    if (!(error instanceof StudentError)) throw error;
  }
  opened.close();
}
