// The list of tasks: filters that apply as they change, rows kept live, a menu for one, a bar for many.
import { call, newKey, to } from "../site/api.js";
import { keepLive } from "../site/live_page.js";
import { openMenu } from "../site/menu.js";
import { ask, complain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { cancel, pause, resume, runAgain, scheduleAgain, trigger } from "./actions.js";
import { pauseUntil } from "./dialogs.js";
import { ENDED } from "./store.js";

const AT_ONCE = 4; // requests of a bulk act that run side by side
const SEARCH_WAIT = 400;
const $ = (name) => document.getElementById(name);
const list = $("tasks");
const selected = new Set();

// Filters

const filters = $("filters");
filters.addEventListener("change", () => filters.requestSubmit());
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
  location.assign(`${location.pathname}${query.size ? `?${query}` : ""}`);
});
let typing = 0;
filters.elements.q.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => filters.requestSubmit(), SEARCH_WAIT * (filters.elements.q.value.length < 2 ? 3 : 2));
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, dialog, .menu")) return;
  event.preventDefault();
  filters.elements.q.focus();
});
if (filters.elements.q.value) {
  filters.elements.q.focus();
  filters.elements.q.setSelectionRange(9999, 9999);
}

// One task

let menuOpen = false;
list.addEventListener("click", async (event) => {
  const more = event.target.closest("[data-more]");
  if (!more) return;
  const id = more.dataset.more;
  const { phase, pattern, paused } = more.dataset;
  const act = (make) => async () => {
    try {
      await make(await call("GET", to`/tasks/${id}`));
    } catch (error) {
      complain(error);
    }
  };
  const entries = [{ label: words.details, icon: "list-checks", href: to`/tasks/${id}/` }];
  if (ENDED.has(phase)) {
    entries.push(pattern === "recurring" ? { label: words.scheduleAgain, icon: "repeat", act: act(scheduleAgain) } : { label: words.runAgain, icon: "rotate-ccw", act: act(runAgain) });
  } else {
    entries.push({ label: words.runNow, icon: "play", act: act(trigger) });
    if (pattern === "recurring") entries.push(paused ? { label: words.resume, icon: "play", act: act(resume) } : { label: words.pause, icon: "pause", act: act(pause) });
    if (pattern === "recurring") entries.push({ label: words.pauseUntil, icon: "circle-pause", act: act((task) => pauseUntil(task, refresh)) });
    entries.push({ label: words.cancel, icon: "x", danger: true, act: act(cancel) });
  }
  entries.push({ label: words.duplicate, icon: "copy", href: to`/?copy=${id}` });
  openMenu(more, entries);
});
new MutationObserver(() => { menuOpen = document.querySelector(".menu, dialog[open]") !== null; }).observe(document.body, { childList: true });

// Many tasks

function draw() {
  const boxes = [...list.querySelectorAll('input[name="select"]')];
  for (const box of boxes) {
    box.checked = selected.has(box.value);
    box.closest("tr").setAttribute("aria-selected", String(box.checked));
  }
  const all = $("select-all");
  if (all) {
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
    all.indeterminate = !all.checked && boxes.some((box) => box.checked);
  }
  $("selection").hidden = selected.size === 0;
  $("selected-count").textContent = words.selected(selected.size);
  $("select-matching").hidden = !(all?.checked && $("pages")?.dataset.more === "yes");
}

list.addEventListener("change", (event) => {
  const box = event.target;
  if (box.id === "select-all") {
    for (const other of list.querySelectorAll('input[name="select"]')) {
      if (box.checked) selected.add(other.value);
      else selected.delete(other.value);
    }
  } else if (box.name === "select") {
    if (box.checked) selected.add(box.value);
    else selected.delete(box.value);
  } else return;
  draw();
});

$("select-none").addEventListener("click", () => { selected.clear(); draw(); });

/** All that the filters match, page by page from the API, not only what is shown. */
$("select-matching").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  const query = new URLSearchParams(location.search);
  query.delete("before");
  if (query.has("conversation")) query.set("conversation_id", query.get("conversation"));
  const days = { "1d": 1, "7d": 7, "30d": 30 }[query.get("created")];
  if (days) query.set("created_after", new Date(Date.now() - days * 86400000).toISOString());
  query.delete("conversation");
  query.delete("created");
  query.set("limit", "200");
  try {
    for (;;) {
      const page = await call("GET", `/tasks?${query}`);
      for (const task of page.items) selected.add(task.id);
      $("selected-count").textContent = words.selected(selected.size);
      if (!page.next_cursor) break;
      query.set("cursor", page.next_cursor);
    }
  } catch (error) {
    complain(error);
  }
  button.disabled = false;
  draw();
  button.hidden = true;
});

for (const button of document.querySelectorAll("[data-bulk]")) {
  button.addEventListener("click", async () => {
    const name = button.dataset.bulk;
    const ids = [...selected];
    const go = await ask({ title: words.bulk[name](ids.length), hint: words.bulkHint[name], act: words.bulkButton[name](ids.length), danger: name === "cancel" });
    if (go) await carryOut(name, ids);
  });
}

async function carryOut(name, ids) {
  const buttons = document.querySelectorAll("[data-bulk]");
  buttons.forEach((button) => { button.disabled = true; });
  const waiting = [...ids];
  const refused = [];
  let done = 0;
  async function work() {
    for (let id = waiting.shift(); id; id = waiting.shift()) {
      try {
        await patiently(() => (name === "trigger" ? run(id) : call("POST", to`/tasks/${id}/${name}`, {})));
        selected.delete(id);
      } catch (error) {
        refused.push(error);
      }
      done += 1;
      $("selected-count").textContent = words.progress(done, ids.length);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  buttons.forEach((button) => { button.disabled = false; });
  const said = words.bulkDone[name](ids.length - refused.length);
  if (refused.length) toast(`${said} ${words.bulkRefused(refused.length, refused[0].message)}`, { kind: "failed" });
  else toast(said, { seconds: 6 });
  draw();
  await refresh();
}

/** Run a task now; one that has ended runs once more. */
async function run(id) {
  try {
    return await call("POST", to`/tasks/${id}/trigger`, {}, { key: newKey() });
  } catch (error) {
    if (error.code !== "already_finished") throw error;
    return call("POST", to`/tasks/${id}/run-again`, {}, { key: newKey() });
  }
}

/** Wait as long as the server asks for when it says that it is too much at once. */
async function patiently(act) {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (error.status !== 429) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 1000 * Math.max(1, Number(error.retryAfter) || 2)); });
    }
  }
}

const refresh = keepLive({ kinds: ["task_changed", "run_changed"], onrefresh: draw, hold: () => menuOpen });
draw();
