// Elements from strings. Whatever texts and classes hold, it stays text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * A new element.
 * @param {string} tag its name
 * @param {Object} attributes its attributes; those that are undefined, null or false are left out
 * @param {...(Node|string)} children what it holds
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Show a message in an element that is hidden without one. */
export function say(target, message) {
  target.textContent = message;
  target.hidden = message === "";
}

/** Fill a select with choices: pairs of a value and the text to show. */
export function setChoices(select, choices) {
  select.replaceChildren(...choices.map(([value, text]) => element("option", { value }, text)));
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children);
  return made;
}
