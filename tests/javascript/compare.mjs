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
student.close();
