// Scores the texts of a file once for each line of standard input: see javascript.py.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , index, folder] = process.argv;
const { load } = await import(index);
const texts = JSON.parse(readFileSync(`${folder}/texts.json`, "utf8"));
const student = await load(`${folder}/student`);
for await (const _ of createInterface({ input: process.stdin })) {
  writeFileSync(`${folder}/logits`, student.score(texts).logits);
  console.log("scored");
}
