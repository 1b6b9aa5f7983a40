// Parts of a page that the server renders, kept equal to what it would render now: `[data-live="name"]` elements are
// taken anew from the same address when something relevant changes. No second rendering of the same thing in scripts.
import { onActivity } from "./activity.js";
import { paintFaces } from "./shell.js";
import { say } from "./times.js";

const SHORTEST_PAUSE = 1500; // between two askings: a busy system must not make each open page ask all the time

/**
 * Refresh when one of `kinds` happens to an object that `concerns` accepts. `onrefresh(names)` hears which parts changed;
 * `hold()` true puts it off (an open menu, for instance). Returns a function that refreshes now, from the address that
 * the page has now; it resolves to whether what is shown is current.
 */
export function keepLive({ kinds, concerns = () => true, onrefresh = () => {}, hold = () => false }) {
  const shown = new Map();
  for (const part of document.querySelectorAll("[data-live]")) shown.set(part.dataset.live, sourceOf(part));
  let timer = 0;
  let last = 0;

  function soon() {
    if (timer) return;
    timer = setTimeout(refresh, Math.max(200, last + SHORTEST_PAUSE - Date.now()));
  }

  async function refresh() {
    clearTimeout(timer);
    timer = 0;
    if (hold() || document.hidden) {
      soon();
      return false;
    }
    last = Date.now();
    const address = location.href;
    const response = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok || response.redirected) return false;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    // Something else is asked for by now (a word was typed on): this answer is too late.
    if (location.href !== address) return false;
    const changed = [];
    for (const part of document.querySelectorAll("[data-live]")) {
      const name = part.dataset.live;
      const next = fresh.querySelector(`[data-live="${name}"]`);
      if (!next || shown.get(name) === sourceOf(next)) continue;
      shown.set(name, sourceOf(next));
      swap(part, next);
      changed.push(name);
    }
    if (changed.length) onrefresh(changed);
    return true;
  }

  for (const kind of kinds) onActivity(kind, (object) => { if (concerns(object)) soon(); });
  onActivity("ready", soon);
  if (kinds.length) onActivity("connected", soon);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && timer) soon(); });
  return refresh;
}

const sourceOf = (part) => `${part.hidden}${part.innerHTML}`;

function swap(part, next) {
  const focus = part.contains(document.activeElement) ? pathOf(document.activeElement, part) : null;
  part.hidden = next.hidden;
  part.replaceChildren(...next.childNodes);
  part.querySelectorAll("time[data-time]").forEach((element) => say(element));
  paintFaces(part);
  if (part.querySelector("[data-markdown]")) import("../conversations/markdown.js").then(({ upgradeMarkdown }) => upgradeMarkdown(part));
  if (focus) focus.reduce((element, index) => element?.children[index], part)?.focus();
}

function pathOf(element, root) {
  const path = [];
  for (let at = element; at !== root; at = at.parentElement) path.unshift([...at.parentElement.children].indexOf(at));
  return path;
}
