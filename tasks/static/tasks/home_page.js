// The first page: the composer makes a conversation and goes there; examples do so with one press.
import { Composer, sender } from "./composer.js";
import { to } from "../site/api.js";
import { embedded } from "../site/dom.js";
import { keepLive } from "../site/live_page.js";
import { offerUndo, openConversationMenu } from "./conversation_acts.js";
import { keepFinding } from "./find.js";

const asked = new URLSearchParams(location.search);
const start = {};
if (asked.get("agent")) start.agent = asked.get("agent");
if (asked.get("text")) start.text = asked.get("text");

const deliver = sender();
const composer = new Composer({
  element: document.getElementById("composer"),
  agents: embedded("agents", []),
  draftKey: `draft:${document.body.dataset.user}:new`,
  start,
  async send(body, key) {
    const id = await deliver(body, key);
    // What was typed is forgotten once this returns; leaving a moment later lets it.
    setTimeout(() => location.assign(to`/conversations/${id}/`), 0);
  },
});
if (matchMedia("(pointer: fine)").matches && location.hash !== "#find" && !asked.get("q")) composer.focus();
if (start.text || start.agent) history.replaceState(null, "", location.pathname);

document.getElementById("examples")?.addEventListener("click", (event) => {
  const example = event.target.closest(".example");
  if (!example) return;
  const { agent, text, minutes } = example.dataset;
  composer.fill({ agent, text, when: minutes ? { kind: "every", minutes } : { kind: "once" } });
  composer.submit();
});

// The list: found in, kept live, and what can be done to each.
const list = document.getElementById("talks");
const refresh = keepLive({ kinds: ["conversation_changed", "run_changed"], hold: () => document.querySelector(".menu") !== null });
keepFinding({ form: document.getElementById("find"), list: list.querySelector("[data-live]"), refresh, others: [...document.querySelectorAll("#examples")] });
list.addEventListener("click", (event) => {
  const more = event.target.closest("[data-more]");
  if (!more) return;
  const { id, title, pinned, archived } = more.closest("[data-talk]").dataset;
  const conversation = { id, title, pinned_at: pinned || null, archived_at: archived || null };
  openConversationMenu(more, conversation, { changed: refresh, gone() { refresh(); offerUndo(refresh); } });
});
offerUndo(refresh);
