// Toasts (what just happened, with a way back) and the one dialog that asks before acts on many.
import { h, icon } from "./dom.js";
import { words } from "./words.js";

let shelf = null;

/** Say something for a while. `actions` is a list of {word, act}; `kind` "failed" stays until closed. */
export function toast(text, { actions = [], kind = "info", seconds = 10 } = {}) {
  shelf ??= document.body.appendChild(h("div.toasts", { role: "status", "aria-live": "polite" }));
  const close = () => element.remove();
  const buttons = actions.map(({ word, act }) => h("button.button", { type: "button", onclick: () => { close(); act(); } }, word));
  const element = h("div.toast", { class: kind }, h("span.grow", null, text), buttons, h("button.button.bare", { type: "button", "aria-label": words.close, onclick: close }, icon("x")));
  shelf.append(element);
  while (shelf.children.length > 3) shelf.firstChild.remove();
  if (kind !== "failed") setTimeout(close, seconds * 1000);
  return element;
}

/**
 * What an error says, as nodes: with the way to sign in again where the session is over. `stay` opens that in a window of
 * its own, where what is typed is kept by this page alone.
 */
export function explain(error, { stay = true } = {}) {
  if (!error.signedOut) return [error.message || String(error)];
  const [before, link, after] = words.signedOut;
  const next = new URLSearchParams({ next: stay ? "/" : location.pathname + location.search });
  return [before, h("a", { href: `/accounts/login/?${next}`, target: stay ? "_blank" : null }, link), after];
}

/** Say why something did not work. */
export const complain = (error) => toast(explain(error), { kind: "failed" });

/** Ask before an act on many; resolves to true when the button that names the act was pressed. */
export function ask({ title, hint, act, danger = false }) {
  return new Promise((resolve) => {
    const yes = h("button.button", { class: danger ? "danger" : "primary", value: "yes" }, act);
    const dialog = h("dialog", { "aria-labelledby": "ask-title" },
      h("form", { method: "dialog" },
        h("div.stack.snug", null, h("h1", { id: "ask-title" }, title), h("p.quiet.small", null, hint)),
        h("div.actions", null, h("button.button", { value: "no", autofocus: true }, words.keep), yes)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
