// A task's page: its buttons, the dialog to edit it, and everything on it kept live.
import { upgradeMarkdown } from "../conversations/markdown.js";
import { call, fieldText, to } from "../site/api.js";
import { button, embedded, h } from "../site/dom.js";
import { REQUEST, TITLE, limit } from "../site/limits.js";
import { keepLive } from "../site/live_page.js";
import { openMenu } from "../site/menu.js";
import { explain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { runAgain } from "./actions.js";
import { acts } from "./card.js";
import { backfill, pauseUntil, runWith, snooze } from "./dialogs.js";
import { SchedulePicker } from "./schedule_picker.js";
import { ENDED } from "./store.js";
import { textPreview } from "./text_preview.js";

upgradeMarkdown();

// The page is what is kept; after an act it is asked for again.
const keeper = { put: () => refresh(), putRun: () => refresh() };

function draw() {
  const { task } = embedded("task-entry");
  const row = document.getElementById("acts");
  const editable = !ENDED.has(task.phase);
  const more = button(words.more, "ellipsis", () => openMenu(more, moreOf(task)), { bare: true });
  more.setAttribute("aria-haspopup", "menu");
  more.setAttribute("aria-expanded", "false");
  const waits = task.pattern === "once" && task.phase === "scheduled";
  row.replaceChildren(
    ...acts(task, keeper),
    waits ? button(words.snooze, "timer", () => snooze(task, refresh)) : "",
    editable ? button(words.edit, "pencil", () => edit(task)) : "",
    more,
  );
}

/** What else can be done to a task. */
function moreOf(task) {
  const goesOn = !ENDED.has(task.phase);
  const timed = task.pattern === "recurring" && !task.schedule?.on_event;
  return [
    goesOn && task.pattern === "recurring" ? { label: words.pauseUntil, icon: "circle-pause", act: () => pauseUntil(task, refresh) } : null,
    goesOn ? { label: words.runWith, icon: "pencil", act: () => runWith(task, null, refresh) } : null,
    goesOn && timed ? { label: words.backfill, icon: "history", act: () => backfill(task, refresh) } : null,
    { label: words.duplicate, icon: "copy", href: to`/?copy=${task.id}` },
  ].filter(Boolean);
}

document.querySelector('[data-live="runs"]').addEventListener("click", (event) => {
  const anchor = event.target.closest("[data-run-menu]");
  if (!anchor) return;
  const { task } = embedded("task-entry");
  const id = anchor.dataset.runMenu;
  openMenu(anchor, [
    { label: words.runAgain, icon: "rotate-ccw", act: () => runAgain(task, keeper, id) },
    { label: words.runWith, icon: "pencil", act: () => runWith(task, id, refresh) },
    { label: words.openRun, icon: "file-text", href: to`/runs/${id}/` },
  ]);
});

function edit(task) {
  const recurring = task.pattern === "recurring";
  const title = h("input.field", { value: task.title });
  const query = h("textarea.field");
  query.value = task.query;
  const wrong = { title: h("span.wrong", { role: "alert" }), query: h("span.wrong", { role: "alert" }), all: h("div.wrong", { role: "alert" }) };
  const fits = [limit(title, TITLE, wrong.title), limit(query, REQUEST, wrong.query)];
  // What an event starts has no times to choose.
  const timed = !task.schedule?.on_event && (recurring || task.schedule?.start_at);
  const picker = timed ? new SchedulePicker({ kinds: recurring ? ["every", "daily", "cron"] : ["at"], state: SchedulePicker.stateOf(task), options: recurring }) : null;
  const before = picker?.value();
  const form = h("form", { method: "dialog" },
    h("h1", null, words.editTask),
    h("label.label", null, words.title, title, wrong.title),
    h("label.label", null, words.request, query, wrong.query),
    textPreview(task, query),
    picker ? h("div.stack.snug", null, h("h2", null, words.howToRun), picker.element) : null,
    wrong.all,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), h("button.button.primary", null, words.save)));
  const dialog = h("dialog.wider", { "aria-label": words.editTask }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!fits.map((one) => one()).every(Boolean)) return;
    const body = {};
    if (title.value !== task.title) body.title = title.value;
    if (query.value !== task.query) body.query = query.value;
    try {
      if (picker) Object.assign(body, picker.changes(before));
      if (Object.keys(body).length) await call("PATCH", to`/tasks/${task.id}`, body);
      dialog.close();
      toast(words.saved, { seconds: 4 });
      refresh();
    } catch (error) {
      wrong.title.textContent = fieldText(error, "title");
      wrong.query.textContent = fieldText(error, "query");
      const inPicker = picker?.complain(error);
      const said = wrong.title.textContent || wrong.query.textContent || inPicker;
      const other = Object.values(error.fields ?? {}).flat().join(" ");
      wrong.all.replaceChildren(...(said ? [] : other ? [other] : explain(error)));
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const { task } = embedded("task-entry");
const concerns = (object) => object.id === task.id || object.task_id === task.id;
const held = () => document.querySelector(".menu") !== null;
const refresh = keepLive({ kinds: ["task_changed", "run_changed"], concerns, hold: held, onrefresh: (names) => { if (names.includes("facts")) draw(); } });
draw();
