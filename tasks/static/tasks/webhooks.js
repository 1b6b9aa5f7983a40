// A person's webhooks on the settings page: add one, try it, switch it, remove it. The list itself is the server's.
import { call, fieldText, newKey, to } from "../site/api.js";
import { embedded, h } from "../site/dom.js";
import { ask, complain, explain } from "../site/notices.js";
import { words } from "../site/words.js";
import { showSecret } from "./secret.js";

const section = document.getElementById("webhooks");
const SENT_WITHIN = 2500; // milliseconds after which a test is normally delivered, or its first attempt has failed

/** Do `act`, and show what the server says then. */
async function then(act, wait = 0) {
  try {
    await act();
  } catch (error) {
    complain(error);
    return;
  }
  setTimeout(() => location.reload(), wait);
}

const acts = {
  add,
  test(id, button) {
    button.disabled = true;
    return then(() => call("POST", to`/webhooks/${id}/test`, {}, { key: newKey() }), SENT_WITHIN);
  },
  on: (id) => then(() => call("PATCH", to`/webhooks/${id}`, { enabled: true })),
  off: (id) => then(() => call("PATCH", to`/webhooks/${id}`, { enabled: false })),
  async remove(id) {
    const sure = await ask({ title: words.webhooks.removeTitle, hint: words.webhooks.removeHint, act: words.hooks.remove, danger: true });
    if (sure) await then(() => call("DELETE", to`/webhooks/${id}`));
  },
};

section.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-act]");
  if (pressed) acts[pressed.dataset.act](pressed.closest("[data-webhook]")?.dataset.webhook, pressed);
});

function add() {
  const url = h("input.field", { type: "url", required: true, maxlength: 2000, placeholder: "https://" });
  const wrong = h("div.wrong", { role: "alert" });
  const boxes = embedded("webhook-events").map(([name, word]) => {
    const box = h("input", { type: "checkbox", value: name, checked: true });
    return { box, label: h("label.row", null, box, word) };
  });
  const key = newKey();
  const form = h("form", { method: "dialog" },
    h("h1", null, words.webhooks.add),
    h("label.label", null, words.address, url),
    h("div.stack.snug", { role: "group", "aria-label": words.webhooks.events }, boxes.map(({ label }) => label)),
    wrong,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), h("button.button.primary", null, words.webhooks.addNow)));
  const dialog = h("dialog.wider", { "aria-label": words.webhooks.add }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const events = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
      const made = await call("POST", "/webhooks", { url: url.value, events }, { key });
      dialog.close();
      await showSecret({ title: words.webhooks.made, secret: made.secret });
      location.reload();
    } catch (error) {
      wrong.replaceChildren(fieldText(error, "url", "events") || h("span", null, explain(error)));
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
