// On every page: times kept right, faces coloured, the zone told to the server, the side's conversations kept live.
import { onActivity } from "./activity.js";
import { to } from "./api.js";
import { face, h } from "./dom.js";
import { named } from "./names.js";
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
    if (!link) {
      recent.prepend(h("li", { "data-conversation": conversation.id }, h("a", { href: to`/conversations/${conversation.id}/` }, h("span.title"))));
      link = entryOf(conversation.id);
      while (recent.children.length > 14) recent.lastElementChild.remove();
    }
    link.querySelector(".title").textContent = named(conversation.title);
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
