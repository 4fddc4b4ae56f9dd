// The page: chooses the student, and begins the sections.

import { listStudents } from "./api.js";
import { byId, say, setChoices } from "./dom.js";
import { Scoring } from "./scoring.js";
import { Strongest } from "./strongest.js";
import { Typing } from "./typing.js";

async function begin() {
  const students = await listStudents();
  const sections = [new Typing(students), new Scoring(), new Strongest()];
  const select = byId("student");
  setChoices(select, students.map(({ name }, i) => [i, name]));
  select.disabled = false;
  const use = () => sections.forEach((section) => section.use(students[select.value]));
  select.addEventListener("change", use);
  use();
}

begin().catch((error) => say(byId("problem"), error.message));
