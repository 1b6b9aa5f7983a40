// What can be done to a conversation as a whole, from its own page and from the list: one menu for both.
import { ApiError, call, to } from "../site/api.js";
import { h, icon } from "../site/dom.js";
import { TITLE, limit } from "../site/limits.js";
import { openMenu } from "../site/menu.js";
import { complain, explain, toast } from "../site/notices.js";
import { words } from "../site/words.js";

const GRACE_SECONDS = 20; // for so long the server keeps what was deleted
const SHOWN_SECONDS = 15; // for so long the page offers the way back
const KEPT = "deleted-conversation"; // the tab's memory of it: a reload, or the way to another page, keeps the way back

/**
 * Open the menu of `conversation` ({id, title, pinned_at, archived_at}) beside `anchor`. `changed(fresh)` hears what it is
 * then, `gone()` that it was deleted; `more` are entries of the page's own, before the last.
 */
export function openConversationMenu(anchor, conversation, { changed = () => {}, gone = () => {}, more = [] } = {}) {
  const patch = async (body, said) => {
    try {
      changed(await call("PATCH", to`/conversations/${conversation.id}`, body));
      if (said) toast(said, { seconds: 5 });
    } catch (error) {
      complain(error);
    }
  };
  const undoable = async (body, said, back) => {
    try {
      changed(await call("PATCH", to`/conversations/${conversation.id}`, body));
      toast(said, { actions: [{ word: words.undo, act: () => patch(back) }] });
    } catch (error) {
      complain(error);
    }
  };
  const { pinned_at: pinned, archived_at: archived } = conversation;
  const file = (format) => to`/api/v1/conversations/${conversation.id}/export?format=${format}`;
  openMenu(anchor, [
    { label: words.rename, icon: "pencil", act: () => rename(conversation, changed) },
    { label: pinned ? words.unpin : words.pin, icon: pinned ? "pin-off" : "pin", act: () => patch({ pinned: !pinned }) },
    archived
      ? { label: words.unarchive, icon: "archive-restore", act: () => patch({ archived: false }, words.unarchived) }
      : { label: words.archive, icon: "archive", act: () => undoable({ archived: true }, words.archived, { archived: false, pinned: Boolean(pinned) }) },
    { label: words.share, icon: "share-2", act: () => share(conversation) },
    { label: words.exportMarkdown, icon: "download", href: file("md") },
    { label: words.exportJson, icon: "braces", href: file("json") },
    ...more,
    { label: words.deleteConversation, icon: "trash-2", danger: true, act: () => remove(conversation, gone) },
  ]);
}

function rename(conversation, changed) {
  const field = h("input.field", { value: conversation.title, autofocus: true });
  const wrong = h("div.wrong", { role: "alert" });
  const fits = limit(field, TITLE, wrong);
  const form = h("form", { method: "dialog" }, h("label.label", null, words.title, field), wrong,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), h("button.button.primary", null, words.save)));
  const dialog = h("dialog", { "aria-label": words.rename }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!fits()) return;
    try {
      changed(await call("PATCH", to`/conversations/${conversation.id}`, { title: field.value }));
      dialog.close();
    } catch (error) {
      wrong.replaceChildren(Object.values(error.fields ?? {}).flat().join(" ") || h("span", null, explain(error)));
    }
  });
  show(dialog);
  field.select();
}

function show(dialog) {
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** The read-only link: made, copied, brought up to now, revoked. */
async function share(conversation) {
  const path = to`/conversations/${conversation.id}/share`;
  let link;
  try {
    link = await call("GET", path);
  } catch (error) {
    complain(error);
    return;
  }
  const body = h("div.stack");
  const dialog = h("dialog", { "aria-labelledby": "share-title" }, h("form", { method: "dialog" },
    h("h1", { id: "share-title" }, words.shareTitle), body, h("div.actions", null, h("button.button", null, words.close))));
  const act = (method, said) => async () => {
    try {
      link = (await call(method, path, method === "POST" ? {} : undefined)) ?? { url: null };
      draw();
      if (said) toast(said, { seconds: 4 });
    } catch (error) {
      complain(error);
    }
  };
  function draw() {
    if (!link.url) {
      body.replaceChildren(h("p.small", null, words.shareHint), h("div.row", null, h("button.button.primary", { type: "button", onclick: act("POST") }, icon("link"), words.shareMake)));
      return;
    }
    const field = h("input.field.grow", { readonly: true, value: link.url, "aria-label": words.shareAddress });
    const label = h("span", null, words.copy);
    body.replaceChildren(h("p.small", null, words.shareThere),
      h("div.row", null, field, h("button.button.primary", { type: "button", onclick: () => copy(field, label) }, icon("copy"), label)),
      h("div.row", null,
        h("a.button", { href: link.url, target: "_blank", rel: "noopener" }, icon("external-link"), words.open),
        h("button.button", { type: "button", onclick: act("POST", words.shareRenewed) }, icon("rotate-ccw"), words.shareRenew),
        h("button.button.danger", { type: "button", onclick: act("DELETE", words.shareRevoked) }, icon("x"), words.shareRevoke)));
  }
  draw();
  show(dialog);
}

async function copy(field, label) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    label.textContent = words.copied;
    setTimeout(() => { label.textContent = words.copy; }, 2000);
  } catch {
    // Without a secure context there is no clipboard: the address is selected, ready for the person's own keys.
    complain(new Error(words.copyByHand));
  }
}

/** The server keeps it for a while, unseen: the way back does not depend on this page. */
async function remove(conversation, gone) {
  try {
    await call("DELETE", to`/conversations/${conversation.id}?grace_seconds=${GRACE_SECONDS}`);
  } catch (error) {
    complain(error);
    return;
  }
  sessionStorage.setItem(KEPT, JSON.stringify({ id: conversation.id, until: Date.now() + SHOWN_SECONDS * 1000 }));
  gone();
}

/** Offer the way back of what was deleted a moment ago, here or on the page before; `restored()` hears that it was taken. */
export function offerUndo(restored) {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  const left = kept ? kept.until - Date.now() : 0;
  if (left <= 0) {
    sessionStorage.removeItem(KEPT);
    return;
  }
  const undo = async () => {
    sessionStorage.removeItem(KEPT);
    try {
      await call("POST", to`/conversations/${kept.id}/restore`, {});
      restored(kept.id);
      toast(words.restored, { seconds: 4 });
    } catch (error) {
      complain(error instanceof ApiError && error.status === 404 ? new Error(words.tooLateToUndo) : error);
    }
  };
  toast(words.deletedSoon, { seconds: left / 1000, actions: [{ word: words.undo, act: undo }] });
}
