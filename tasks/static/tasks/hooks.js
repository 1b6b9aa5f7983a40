// The hooks of a task's page: add one, try it with an event, remove it. The list itself is the server's.
import { call, fieldText, newKey, to } from "../site/api.js";
import { embedded, h } from "../site/dom.js";
import { ask, complain, explain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { showSecret } from "./secret.js";

const section = document.getElementById("hooks");
const { task } = embedded("task-entry");
const base = to`/tasks/${task.id}/hooks`;
const SAMPLE = { test: true, title: "A test delivery", message: "Sent from the task's page." };

const acts = {
  add: () => add(),
  test: (id) => tryIt(id),
  async remove(id) {
    if (!(await ask({ title: words.hooks.removeTitle, hint: words.hooks.removeHint, act: words.hooks.remove, danger: true }))) return;
    await call("DELETE", base + to`/${id}`).then(() => toast(words.hooks.removed, { seconds: 4 }), complain);
  },
};

section.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-act]");
  if (pressed) acts[pressed.dataset.act](pressed.closest("[data-hook]")?.dataset.hook);
});

/** Read JSON that a person wrote; throws with words for the person. */
function read(text) {
  if (!text.trim()) return {};
  let value = null;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(words.hooks.notJson(error.message));
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(words.hooks.notJson(words.hooks.object));
  return value;
}

function open(title, parts, act, submit) {
  const wrong = h("div.wrong", { role: "alert" });
  const form = h("form", { method: "dialog" }, h("h1", null, title), parts, wrong,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), h("button.button.primary", null, act)));
  const dialog = h("dialog.wider", { "aria-label": title }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await submit(() => dialog.close());
    } catch (error) {
      wrong.replaceChildren(fieldText(error, "filter", "rate_limit", "event") || h("span", null, explain(error)));
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function add() {
  const filter = h("textarea.field", { placeholder: '{"action": ["opened", "reopened"]}', maxlength: 4000 });
  const rate = h("input.field", { type: "number", min: 1, max: 10000 });
  const key = newKey();
  const parts = [
    h("label.label", null, words.hooks.filter, filter),
    h("p.quiet.small", null, words.hooks.filterHint),
    h("label.label", null, words.hooks.rate, rate),
  ];
  open(words.hooks.add, parts, words.hooks.addNow, async (close) => {
    const body = { filter: read(filter.value) };
    if (rate.value) body.rate_limit = Number(rate.value);
    const made = await call("POST", base, body, { key });
    close();
    await showSecret({ title: words.hooks.made, url: made.url, secret: made.secret });
  });
}

function tryIt(id) {
  const event = h("textarea.field", { maxlength: 100000 });
  event.value = JSON.stringify(SAMPLE, null, 2);
  open(words.hooks.test, [h("label.label", null, words.hooks.event, event)], words.hooks.send, async (close) => {
    const came = await call("POST", base + to`/${id}/test`, { event: read(event.value) }, { key: newKey() });
    close();
    const kind = came.outcome === "failed" ? "failed" : "info";
    toast(words.hooks.came(came.outcome, came.reason), { kind, seconds: 8 });
  });
}
