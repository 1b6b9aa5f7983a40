// The private address of a task's results for a feed reader: made when it is asked for, and copied.
import { button, h } from "../site/dom.js";
import { complain } from "../site/notices.js";
import { to } from "../site/api.js";
import { words } from "../site/words.js";

/** Show the address of `task`'s feed. */
export async function showResultsFeed(task) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const answer = await fetch(to`/tasks/${task.id}/feed/`, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => null);
  if (!answer?.ok) {
    complain(new Error(answer ? words.unreadable(answer.status) : words.noAnswer));
    return;
  }
  const { url } = await answer.json();
  const field = h("input.field.grow", { readonly: true, value: url, "aria-label": words.resultsFeedAddress });
  const copy = button(words.copy, "copy", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(url);
      copy.lastChild.textContent = words.copied;
    } catch {
      complain(new Error(words.copyByHand));
    }
  }, { kind: "primary" });
  const dialog = h("dialog", { "aria-labelledby": "results-feed-title" }, h("form", { method: "dialog" },
    h("h1", { id: "results-feed-title" }, words.resultsFeedTitle), h("p.small", null, words.resultsFeedHint),
    h("div.row", null, field, copy), h("div.actions", null, h("button.button", null, words.close))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.select();
}
