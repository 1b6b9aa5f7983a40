// The list of tasks: filters that apply as they change, rows kept live, a menu for one, a bar for many.
import { call, newKey, to } from "../site/api.js";
import { h } from "../site/dom.js";
import { keepLive } from "../site/live_page.js";
import { openMenu } from "../site/menu.js";
import { ask, complain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { cancel, pause, resume, runAgain, scheduleAgain, trigger } from "./actions.js";
import { askPause, askSnooze, backfill, pauseUntil, runWith, snooze } from "./dialogs.js";
import { ENDED } from "./store.js";
import { duplicateTask, editTask } from "./task_form.js";

const IDS_AT_ONCE = 1000; // as many as one request may name
const LEFT_SHOWN = 5; // of those that an act left as they were
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

// A mark of the time line leads to its run; for the keyboard, the task's page lists them all.
list.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-run]");
  if (mark) location.assign(to`/runs/${mark.dataset.run}/`);
});

// One task

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
    if (pattern === "recurring" || phase === "scheduled") entries.push({ label: words.snoozeUntil, icon: "timer", act: act((task) => snooze(task, refresh)) });
    entries.push({ label: words.edit, icon: "pencil", act: act((task) => editTask(task, refresh)) });
    entries.push({ label: words.runWith, icon: "pencil", act: act((task) => runWith(task, null, refresh)) });
    if (pattern === "recurring") entries.push({ label: words.backfill, icon: "history", act: act((task) => backfill(task, refresh)) });
    entries.push({ label: words.cancel, icon: "x", danger: true, act: act(cancel) });
  }
  entries.push({ label: words.duplicate, icon: "copy", act: act((task) => duplicateTask(task, refresh)) });
  openMenu(more, entries);
});

// Many tasks: those that are ticked, or all that match the filters, whatever their number.

let matching = null; // {filter, count}

function draw() {
  const boxes = [...list.querySelectorAll('input[name="select"]')];
  for (const box of boxes) {
    box.checked = Boolean(matching) || selected.has(box.value);
    box.closest("tr").setAttribute("aria-selected", String(box.checked));
  }
  const all = $("select-all");
  if (all) {
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
    all.indeterminate = !all.checked && boxes.some((box) => box.checked);
  }
  $("selection").hidden = selected.size === 0 && !matching;
  $("selected-count").textContent = matching ? words.allSelected(matching.count) : words.selected(selected.size);
  $("select-matching").hidden = Boolean(matching) || !(all?.checked && $("pages")?.dataset.more === "yes");
}

list.addEventListener("change", (event) => {
  const box = event.target;
  if (box.id !== "select-all" && box.name !== "select") return;
  // Whoever takes one out of all that match, means those that are shown.
  if (matching) for (const other of list.querySelectorAll('input[name="select"]')) selected.add(other.value);
  matching = null;
  for (const one of box.id === "select-all" ? list.querySelectorAll('input[name="select"]') : [box]) {
    if (box.checked) selected.add(one.value);
    else selected.delete(one.value);
  }
  draw();
});

function selectNone() {
  selected.clear();
  matching = null;
  draw();
}

$("select-none").addEventListener("click", selectNone);

/** The filter of this page's address, as the API takes it. */
function filterOfPage() {
  const query = new URLSearchParams(location.search);
  const filter = {};
  for (const name of ["status", "phase", "agent_name", "pattern", "q"]) if (query.get(name)) filter[name] = query.get(name);
  if (query.get("conversation")) filter.conversation_id = query.get("conversation");
  const days = { "1d": 1, "7d": 7, "30d": 30 }[query.get("created")];
  if (days) filter.created_after = new Date(Date.now() - days * 86400000).toISOString();
  return filter;
}

$("select-matching").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    const filter = filterOfPage();
    const { matched } = await call("POST", "/tasks/bulk", { action: "cancel", filter, count_only: true });
    matching = { filter, count: matched };
  } catch (error) {
    complain(error);
  }
  button.disabled = false;
  draw();
});

for (const button of document.querySelectorAll("[data-bulk]")) {
  button.addEventListener("click", async () => {
    const action = button.dataset.bulk;
    const meant = matching ?? { ids: [...selected], count: selected.size };
    const asked = { title: words.bulk[action](meant.count), hint: words.bulkHint[action], act: words.bulkButton[action](meant.count) };
    if (action === "pause") askPause({ ...asked, send: (body) => carryOut(action, meant, body) });
    else if (action === "snooze") askSnooze({ ...asked, send: (body) => carryOut(action, meant, body) });
    else if (await ask({ ...asked, danger: action === "cancel" })) carryOut(action, meant).catch(complain);
  });
}

/** Do it in as few requests as can be, and say of which tasks it was not done, and why. */
async function carryOut(action, { filter, ids, count }, more = {}) {
  const buttons = document.querySelectorAll("[data-bulk]");
  buttons.forEach((button) => { button.disabled = true; });
  const told = { done: 0, count: 0, left: [] };
  try {
    const parts = filter ? [{ filter }] : pieces(ids).map((task_ids) => ({ task_ids }));
    for (const part of parts) {
      const answer = await call("POST", "/tasks/bulk", { action, ...part, ...more }, { key: newKey() });
      told.done += answer.done;
      told.count += answer.left_out_count;
      told.left.push(...answer.left_out);
      $("selected-count").textContent = words.progress(told.done + told.count, count);
    }
    selected.clear();
    matching = null;
    for (const { task_id } of told.left) selected.add(task_id);
    report(action, told);
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
    draw();
    await refresh();
  }
}

const pieces = (ids) => Array.from({ length: Math.ceil(ids.length / IDS_AT_ONCE) }, (_, at) => ids.slice(at * IDS_AT_ONCE, (at + 1) * IDS_AT_ONCE));

function report(action, { done, count, left }) {
  const said = words.bulkDone[action](done);
  if (!count) {
    toast(said, { seconds: 6 });
    return;
  }
  const rows = left.slice(0, LEFT_SHOWN).map((row) => h("li", null, row.reason.includes(row.title) ? row.reason : `“${row.title}”: ${row.reason}`));
  const rest = count - rows.length;
  toast([`${said} ${words.bulkRefused(count)}`, h("ul.left-out", null, rows, rest ? h("li", null, words.andMore(rest)) : null)], { kind: "failed" });
}

const refresh = keepLive({ kinds: ["task_changed", "run_changed"], onrefresh: draw, hold: () => document.querySelector(".menu, dialog[open]") !== null });
draw();
