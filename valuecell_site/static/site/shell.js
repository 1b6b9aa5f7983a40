// On every page: times kept right, faces coloured, the zone told to the server, the side's conversations kept live.
import { onActivity } from "./activity.js";
import { call, to } from "./api.js";
import { embedded, face, h } from "./dom.js";
import { named } from "./names.js";
import { setUnread } from "./tab_title.js";
import { keepTimes, zone } from "./times.js";
import { words } from "./words.js";

keepTimes();
paintFaces(document);
document.cookie = `tz=${zone};path=/;max-age=31536000;samesite=lax`;

/** Give each `[data-face]` its letter and colour. */
export function paintFaces(root) {
  for (const element of root.querySelectorAll("[data-face]")) {
    const painted = face(element.dataset.face);
    element.className = `${painted.className} ${element.className.includes("big") ? "big" : ""}`;
    element.textContent = painted.textContent;
    delete element.dataset.face;
  }
}

// Conversations with something new: marked in the side, counted in the browser's title.
const unread = new Set(embedded("unread", []));
const markNew = (id) => {
  const link = document.querySelector(`#recent [data-conversation="${CSS.escape(id)}"] a`);
  link?.querySelector(".new")?.remove();
  if (unread.has(id)) link?.querySelector(".title").after(h("span.new", null, h("span.sr", null, words.somethingNew)));
};
const isShown = (id) => !document.hidden && location.pathname === to`/conversations/${id}/`;
const countNew = () => setUnread([...unread].filter((id) => !isShown(id)).length);
onActivity("conversation_changed", ({ id, unread: news, archived_at: archived }) => {
  if (news && !archived) unread.add(id);
  else unread.delete(id);
  if (!isShown(id)) markNew(id);
  countNew();
});
onActivity("ready", async () => {
  // What happened while the connection was away.
  const { items } = await call("GET", "/conversations?unread=true&archived=false&limit=100").catch(() => ({ items: null }));
  if (!items) return;
  const before = new Set(unread);
  unread.clear();
  items.forEach(({ id }) => unread.add(id));
  [...before, ...unread].forEach(markNew);
  countNew();
});
document.addEventListener("visibilitychange", countNew);
countNew();

// "/" leads to the search from everywhere, unless it is being typed.
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog, .menu")) return;
  event.preventDefault();
  const field = document.querySelector("#find input");
  if (field) field.focus();
  else location.assign("/#find");
});

// Ctrl+K (⌘K) opens the palette, also while something is typed.
const loadPalette = () => import("./palette.js");
const palette = () => loadPalette().then(({ openPalette }) => openPalette());
document.getElementById("palette-open")?.addEventListener("click", palette);
addEventListener("keydown", (event) => {
  // On its way before the second key: what is typed next shall not be lost.
  if (event.key === "Control" || event.key === "Meta") loadPalette();
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  if (!document.querySelector("dialog[open]")) palette();
});

// Without a connection, a page that says so stands in for the browser's own.
navigator.serviceWorker?.register("/offline_worker.js").catch(() => {});

const recent = document.getElementById("recent");
if (recent) {
  const running = new Map(); // conversation id -> ids of its runs that go on
  const entryOf = (id) => recent.querySelector(`[data-conversation="${CSS.escape(id)}"] a`);
  const show = (id, kind, word) => {
    const link = entryOf(id);
    if (!link) return;
    link.querySelector(".pill")?.remove();
    if (kind) link.append(h("span.pill", { class: kind }, word));
  };
  const asking = new Set([...recent.querySelectorAll(".pill.require_user_input")].map((pill) => pill.closest("li").dataset.conversation));
  const redraw = (id) => {
    if (asking.has(id)) show(id, "require_user_input", words.phases.require_user_input);
    else if (running.get(id)?.size) show(id, "running", words.live);
    else show(id, null);
  };
  onActivity("conversation_changed", (conversation) => {
    let link = entryOf(conversation.id);
    if (conversation.archived_at) {
      link?.parentElement.remove();
      return;
    }
    if (!link) {
      recent.prepend(h("li", { "data-conversation": conversation.id }, h("a", { href: to`/conversations/${conversation.id}/` }, h("span.title"))));
      link = entryOf(conversation.id);
      while (recent.children.length > 14) recent.lastElementChild.remove();
    }
    link.querySelector(".title").textContent = named(conversation.title);
    if (!isShown(conversation.id)) markNew(conversation.id);
    if (conversation.status === "require_user_input") asking.add(conversation.id);
    else asking.delete(conversation.id);
    redraw(conversation.id);
  });
  onActivity("run_changed", (run) => {
    if (!running.has(run.conversation_id)) running.set(run.conversation_id, new Set());
    const runs = running.get(run.conversation_id);
    if (run.status === "running" || run.status === "queued") runs.add(run.id);
    else runs.delete(run.id);
    redraw(run.conversation_id);
  });
}
