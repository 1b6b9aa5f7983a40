// How long a text may be. More can be written and pasted, so that nothing is cut behind a person's back: what is too much
// is said beside the field, with the numbers, and not sent.
import { words } from "./words.js";

/** Characters of a request, and of a title: what the server takes (tasks/schemas/inputs.py). */
export const REQUEST = 32_000;
export const TITLE = 200;

/** What is wrong with a text's length: "" for nothing. Characters are code points, as the server counts them. */
export function tooLong(text, most) {
  if (text.length <= most) return "";
  let count = 0;
  for (const _character of text) count += 1;
  return count > most ? words.tooLong(count, most) : "";
}

/** Keep `wrong` saying whether `field` holds more than `most`. Returns `fits({lead})`, which also leads to the field where not. */
export function limit(field, most, wrong) {
  let said = "";
  const look = () => {
    const text = tooLong(field.value, most);
    mark(field, text);
    if (text !== said) wrong.textContent = text;
    said = text;
    return text;
  };
  field.addEventListener("input", look);
  return ({ lead = true } = {}) => {
    if (!look()) return true;
    wrong.textContent = said;
    if (lead) field.focus();
    return false;
  };
}

/** Show a field as wrong, or as right. */
export function mark(field, wrong) {
  if (wrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
