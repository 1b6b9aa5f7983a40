// Under a text with values in it: what the agent would get, with the last result filled in, as the server makes it.
import { call } from "../site/api.js";
import { h } from "../site/dom.js";
import { words } from "../site/words.js";

const WAIT = 300;
const HAS_VALUES = /\{[{%]/;

/** An element that follows what `area` says of `task`; hidden where the agent would get the text as it is. */
export function textPreview(task, area) {
  const shown = h("p.pre");
  const wrong = h("p.wrong", { role: "status" });
  const element = h("div.stack.snug.text-preview", { hidden: true }, h("h2", null, words.textPreview), shown, wrong);
  let timer = 0;
  let asking = null;

  async function refresh() {
    asking?.abort();
    element.hidden = !(HAS_VALUES.test(area.value) || task.only_changes) || !area.value.trim();
    if (element.hidden) return;
    asking = new AbortController();
    try {
      const { text } = await call("POST", "/tasks/preview-text", { query: area.value, task_id: task.id }, { signal: asking.signal });
      shown.textContent = text;
      wrong.textContent = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      shown.textContent = "";
      wrong.textContent = Object.values(error.fields ?? {}).flat().join(" ") || error.message;
    }
    shown.hidden = !shown.textContent;
  }

  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, WAIT);
  });
  refresh();
  return element;
}
