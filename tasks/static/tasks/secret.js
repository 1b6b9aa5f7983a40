// A secret that is shown this once: the dialog stays until the person closes it.
import { button, h } from "../site/dom.js";
import { complain, toast } from "../site/notices.js";
import { words } from "../site/words.js";

/** Show what was made: its `url` where there is one, and its `secret`. Resolves when it is closed. */
export function showSecret({ title, url = "", secret }) {
  return new Promise((resolve) => {
    const line = (label, value) => h("label.label", null, label, h("input.field", { value, readonly: true }));
    const field = line(words.secret, secret);
    const copy = button(words.copy, "copy", async () => {
      field.querySelector("input").select();
      try {
        await navigator.clipboard.writeText(secret);
        toast(words.copied, { seconds: 3 });
      } catch {
        complain(new Error(words.copyByHand));
      }
    });
    const dialog = h("dialog.wider", { "aria-label": title },
      h("form", { method: "dialog" },
        h("h1", null, title),
        url ? line(words.address, url) : null,
        field,
        h("p.quiet.small", null, words.secretOnce),
        h("div.actions", null, copy, h("button.button.primary", null, words.secretKept))));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
