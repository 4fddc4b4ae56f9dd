// Requests to the server. All paths are relative to the page, which may be behind a proxy with a path of its own.

import { byId, say } from "./dom.js";

const LINES = "application/x-ndjson";
const USABLE_KEY = /^[!-~]{16,}$/;

let key = null; // in memory only
let asking = null; // the promise of a key that is being asked for

/** The students that are served. */
export async function listStudents() {
  return (await request("/students")).json();
}

/** The strongest n-grams of each class. */
export async function strongestNgrams(student) {
  return (await request(`${student.path}/ngrams?top=30`)).json();
}

/** Why texts are answered as they are. */
export async function explain(path, texts, label) {
  const inputs = texts.length === 1 ? texts[0] : texts;
  const body = JSON.stringify(label === null ? { inputs } : { inputs, label });
  return (await post(`${path}/explain`, "application/json", body)).json();
}

/**
 * The answers for some texts, in columns like those of `sparsedistill predict`.
 * @param {string} path of the student
 * @param {string[][]} rows one or two texts each
 * @param {Object} options `probabilities`, and `signal` to stop
 */
export async function scoreRows(path, rows, { probabilities = true, signal } = {}) {
  const lines = rows.map(([text, text_pair]) => JSON.stringify({ text, text_pair })).join("\n");
  const answer = await post(`${path}/bulk?coverage=true&probabilities=${probabilities}`, LINES, lines, signal);
  const found = (await answer.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  if (found.length !== rows.length) {
    throw new Error(`The server answered ${found.length} of ${rows.length} texts: try again.`);
  }
  return found;
}

/** The answer for one text, or pair of texts, as `scoreRows` gives it. */
export async function scoreOne(path, texts) {
  const [answer] = await scoreRows(path, [texts]);
  if (answer.error !== undefined) {
    throw new Error(answer.error);
  }
  return answer;
}

function post(path, media, body, signal) {
  return request(path, { method: "POST", headers: { "content-type": media }, body, signal });
}

async function request(path, options = {}) {
  for (;;) {
    const used = key;
    const headers = { ...options.headers, ...(used === null ? {} : { authorization: `Bearer ${used}` }) };
    const answer = await fetched(path, { ...options, headers, credentials: "omit" });
    if (answer.ok) {
      return answer;
    }
    if (answer.status !== 401) {
      throw new Error(await reason(answer));
    }
    if (key === used) {
      await askForKey(used === null ? "" : "The server does not know this key.");
    }
  }
}

async function fetched(path, options) {
  try {
    return await fetch(new URL(path.slice(1), document.baseURI), options);
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new Error("The server does not answer: is it running?");
  }
}

async function reason(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `The server answered with status ${answer.status}.`;
  }
}

/** Ask the user for a key, once for all requests that need one. */
function askForKey(problem) {
  asking ??= new Promise((resolve, reject) => {
    const dialog = byId("key-dialog");
    const field = byId("key");
    say(byId("key-problem"), problem);
    byId("key-form").onsubmit = (event) => {
      event.preventDefault();
      const given = field.value.trim();
      if (!USABLE_KEY.test(given)) {
        say(byId("key-problem"), "A key has 16 or more letters, digits and signs, without spaces.");
        return;
      }
      key = given;
      resolve();
      dialog.close();
    };
    byId("key-cancel").onclick = () => dialog.close();
    dialog.onclose = () => {
      field.value = "";
      asking = null;
      reject(new Error("The server needs a key: reload the page to enter one."));
    };
    dialog.showModal();
  });
  return asking;
}
