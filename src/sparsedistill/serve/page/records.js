// The records of a file, a part of the file at a time, and how they are written with more columns.

const LONGEST = 16 * 2 ** 20; // characters of a record
const BATCH_RECORDS = 1000;
const BATCH_CHARACTERS = 2 ** 18;

/** How a file is read and written, by the ending of its name. */
export function formatOf(name) {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  if (ending === "csv" || ending === "tsv") {
    return new Delimited(ending === "csv" ? "," : "\t");
  }
  if (ending === "jsonl" || ending === "ndjson") {
    return new JsonLines();
  }
  throw new Error(`${name} is not a file that can be read here: choose one that ends in .csv, .tsv or .jsonl.`);
}

/**
 * The records of a file in batches: arrays of what `format` makes of a record.
 * @param {File} file the file
 * @param {Object} format see formatOf
 * @param {Function} progress called with the bytes that were read
 */
export async function* readBatches(file, format, progress = () => {}) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = file.stream().getReader();
  let batch = [];
  let size = 0;
  let read = 0;
  try {
    for (let done = false; !done; ) {
      const part = await reader.read();
      done = part.done;
      read += done ? 0 : part.value.length;
      progress(read);
      for (const record of format.parse(decoded(decoder, part), done)) {
        batch.push(record);
        size += record.raw.length;
        if (batch.length === BATCH_RECORDS || size > BATCH_CHARACTERS) {
          yield batch;
          [batch, size] = [[], 0];
        }
      }
    }
    if (batch.length > 0) {
      yield batch;
    }
  } finally {
    await reader.cancel();
  }
}

function decoded(decoder, part) {
  try {
    return part.done ? decoder.decode() : decoder.decode(part.value, { stream: true });
  } catch {
    throw new Error("The file is not text in UTF-8: save it as UTF-8.");
  }
}

/** Fields between commas or tabs; the first record names the columns. */
class Delimited {
  constructor(delimiter) {
    this.delimiter = delimiter;
    this.plain = new RegExp(`[^${delimiter}\\r\\n]*`, "y");
    this.names = null;
    this.ending = "\n";
    this.rest = "";
    this.count = 0;
  }

  /** The records that are complete after another part of the file. */
  *parse(part, last) {
    const text = this.rest + part;
    let at = 0;
    while (at < text.length) {
      const record = this.#record(text, at, last);
      if (record === null) {
        break;
      }
      const raw = text.slice(at, record.end);
      at = record.next;
      if (raw === "") {
        continue;
      }
      if (this.names === null) {
        this.#head(raw, record);
        continue;
      }
      this.count += 1;
      if (record.fields.length !== this.names.length) {
        throw new Error(
          `Record ${this.count} has ${record.fields.length} fields, and the header has ${this.names.length}: ` +
            "check its quotes.",
        );
      }
      yield { raw, fields: record.fields, number: this.count };
    }
    this.rest = text.slice(at);
    if (this.rest.length > LONGEST) {
      throw new Error(`Record ${this.count + 1} is very long: check its quotes.`);
    }
  }

  /** The text in a column. */
  text(record, column) {
    return record.fields[column];
  }

  /** What a column holds, for people. */
  sample(record, column) {
    return record.fields[column];
  }

  /** The first line of the result, with the names of more columns. */
  head(columns) {
    return [this.raw, ...columns.map((name) => this.#field(name))].join(this.delimiter) + this.ending;
  }

  /** A record with the values of more columns. */
  line(record, values) {
    return [record.raw, ...values.map((value) => this.#field(value))].join(this.delimiter) + this.ending;
  }

  #head(raw, { fields, ending }) {
    if (this.delimiter === "," && fields.length === 1 && raw.includes(";")) {
      this.delimiter = ";";
      this.plain = /[^;\r\n]*/y;
      fields = this.#record(raw, 0, true).fields;
    }
    [this.raw, this.names, this.ending] = [raw, fields, ending];
  }

  #field(value) {
    const text = Array.isArray(value) ? JSON.stringify(value) : String(value ?? "");
    const special = text.includes(this.delimiter) || /["\r\n]/.test(text);
    return special ? `"${text.replaceAll('"', '""')}"` : text;
  }

  /** The record that begins at a place; null if its end has not been read. */
  #record(text, start, last) {
    const fields = [];
    for (let at = start; ; at += 1) {
      const field = text[at] === '"' ? this.#quoted(text, at, last) : this.#unquoted(text, at);
      if (field === null) {
        return null;
      }
      fields.push(field.value);
      at = field.end;
      if (text[at] === this.delimiter) {
        continue;
      }
      if (at + 1 >= text.length && !last && text[at] !== "\n") {
        return null; // perhaps a line end of two characters, or the rest of a field
      }
      const ending = text[at] === "\r" && text[at + 1] === "\n" ? "\r\n" : "\n";
      return { fields, end: at, next: at + ending.length, ending };
    }
  }

  #unquoted(text, at) {
    this.plain.lastIndex = at;
    const [value] = this.plain.exec(text);
    return { value, end: at + value.length };
  }

  #quoted(text, start, last) {
    let value = "";
    for (let at = start + 1; ; ) {
      const quote = text.indexOf('"', at);
      if (quote === -1 && last) {
        throw new Error(`Record ${this.count + 1} has a quote that is never closed.`);
      }
      if (quote === -1 || (quote + 1 === text.length && !last)) {
        return null;
      }
      value += text.slice(at, quote);
      if (text[quote + 1] !== '"') {
        const after = text[quote + 1];
        if (after !== undefined && after !== this.delimiter && after !== "\r" && after !== "\n") {
          throw new Error(`Record ${this.count + 1} has text after a closing quote: double the quotes in fields.`);
        }
        return { value, end: quote + 1 };
      }
      value += '"';
      at = quote + 2;
    }
  }
}

/** A JSON object in each line. */
class JsonLines {
  constructor() {
    this.names = null;
    this.rest = "";
    this.count = 0;
  }

  *parse(part, last) {
    const lines = (this.rest + part).split("\n");
    this.rest = last ? "" : lines.pop();
    if (this.rest.length > LONGEST) {
      throw new Error(`Line ${this.count + 1} is longer than ${LONGEST} characters.`);
    }
    for (const line of lines) {
      this.count += 1;
      const raw = line.trim();
      if (raw === "") {
        continue;
      }
      const fields = this.#object(raw);
      this.names ??= Object.keys(fields);
      yield { raw, fields, number: this.count };
    }
  }

  text(record, column) {
    const name = this.names[column];
    const text = Object.hasOwn(record.fields, name) ? record.fields[name] : undefined;
    if (typeof text !== "string") {
      throw new Error(`Line ${record.number} has no text in the field ${JSON.stringify(name)}.`);
    }
    return text;
  }

  sample(record, column) {
    const value = record.fields[this.names[column]];
    return typeof value === "string" ? value : JSON.stringify(value);
  }

  head(columns) {
    this.columns = columns;
    return "";
  }

  line(record, values) {
    const twice = this.columns.find((name) => Object.hasOwn(record.fields, name));
    if (twice !== undefined) {
      throw new Error(
        `Line ${record.number} has the field ${JSON.stringify(twice)}, which the first line does not have: rename it.`,
      );
    }
    // Numbers and the order of fields stay as they are: the line is kept, and only its end is replaced.
    const answers = this.columns.map((name, i) => `${JSON.stringify(name)}: ${JSON.stringify(values[i] ?? null)}`);
    const start = record.raw.slice(0, -1).trimEnd();
    return `${start}${start === "{" ? "" : ", "}${answers.join(", ")}}\n`;
  }

  #object(raw) {
    let value = null;
    try {
      value = JSON.parse(raw);
    } catch {
      // reported below
    }
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      throw new Error(`Line ${this.count} is not a JSON object.`);
    }
    return value;
  }
}
