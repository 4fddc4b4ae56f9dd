// Scores the texts of a folder with its student, and writes the bits of the answers: see test_package.py.
import { readFileSync, writeFileSync } from "node:fs";

const [, , index, folder] = process.argv;
const { load } = await import(index);
const { texts, pairs } = JSON.parse(readFileSync(`${folder}/texts.json`, "utf8"));
const student = await load(`${folder}/student`);
const begin = performance.now();
const { logits, coverage } = student.score(texts, pairs ?? undefined);
const seconds = (performance.now() - begin) / 1000;
const entries = student.predict(texts, { textPairs: pairs ?? undefined, topK: null, coverage: true });
writeFileSync(`${folder}/logits`, logits);
writeFileSync(`${folder}/coverage`, coverage);
writeFileSync(`${folder}/entries.json`, JSON.stringify({ seconds, entries: entries.slice(0, 2000) }));
const plain = (found) => ({
  emptyLogits: [...found.emptyLogits],
  logits: [...found.logits],
  spans: found.spans.map((span) => ({ ...span, contributions: [...span.contributions] })),
});
const explained = texts.slice(0, 150).map((text, i) => plain(student.explain(text, pairs?.[i])));
writeFileSync(`${folder}/explained.json`, JSON.stringify(explained));
student.close();
