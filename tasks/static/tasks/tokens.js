// A person's API tokens on the settings page: make one (shown this once), revoke it. The list itself is the server's.
import { call, fieldText, newKey, to } from "../site/api.js";
import { h } from "../site/dom.js";
import { ask, complain, explain } from "../site/notices.js";
import { words } from "../site/words.js";
import { showSecret } from "./secret.js";

const section = document.getElementById("tokens");
const say = words.tokens;
const DAY = 86_400_000; // milliseconds

section.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "add") add();
  if (act === "revoke") revoke(event.target.closest("[data-token]"));
});

async function revoke(row) {
  const sure = await ask({ title: say.revokeTitle(row.dataset.name), hint: say.revokeHint, act: say.revoke, danger: true });
  if (!sure) return;
  try {
    await call("DELETE", to`/tokens/${row.dataset.token}`);
    location.reload();
  } catch (error) {
    complain(error);
  }
}

function add() {
  const name = h("input.field", { maxlength: 200, required: true, autocomplete: "off" });
  const boxes = Object.entries(say.scopes).map(([scope, [word, hint]]) => {
    const box = h("input", { type: "checkbox", value: scope, checked: true });
    return { box, label: h("label.row", null, box, h("span.grow", null, word, " ", h("span.quiet.small", null, hint))) };
  });
  const ends = h("select.field", null, Object.entries(say.endings).map(([days, word]) => h("option", { value: days, selected: days === "90" }, word)));
  const wrong = h("div.wrong", { role: "alert" });
  const key = newKey();
  const form = h("form", { method: "dialog" },
    h("h1", null, say.add),
    h("label.label", null, say.name, name),
    h("div.stack.snug", { role: "group", "aria-label": say.may }, h("span.label", null, say.may), boxes.map(({ label }) => label)),
    h("label.label", null, say.ends, ends),
    wrong,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), h("button.button.primary", null, say.addNow)));
  const dialog = h("dialog.wider", { "aria-label": say.add }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    if (!chosen.length) {
      wrong.textContent = say.needScope;
      return;
    }
    const until = ends.value === "never" ? null : new Date(Date.now() + Number(ends.value) * DAY).toISOString();
    // All of them: everything, also what a later version adds.
    const scopes = chosen.length < boxes.length ? { scopes: chosen } : {};
    try {
      const made = await call("POST", "/tokens", { name: name.value, expires_at: until, ...scopes }, { key });
      dialog.close();
      await showSecret({ title: say.made, secret: made.secret });
      location.reload();
    } catch (error) {
      wrong.replaceChildren(fieldText(error, "name", "scopes", "expires_at") || h("span", null, explain(error)));
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
