// A task's page: its buttons, the dialog to edit it, and everything on it kept live.
import { upgradeMarkdown } from "../conversations/markdown.js";
import { to } from "../site/api.js";
import { button, embedded } from "../site/dom.js";
import { keepLive } from "../site/live_page.js";
import { openMenu } from "../site/menu.js";
import { words } from "../site/words.js";
import { cancelPlan, runAgain } from "./actions.js";
import { acts } from "./card.js";
import { backfill, pauseUntil, runWith, snooze } from "./dialogs.js";
import { showResultsFeed } from "./results_feed.js";
import { ENDED } from "./store.js";
import { duplicateTask, editTask } from "./task_form.js";

upgradeMarkdown();

// The page is what is kept; after an act it is asked for again.
const keeper = { put: () => refresh(), putRun: () => refresh() };

function draw() {
  const { task, runs } = embedded("task-entry");
  const row = document.getElementById("acts");
  const more = button(words.more, "ellipsis", () => openMenu(more, moreOf(task, runs)), { bare: true });
  more.setAttribute("aria-haspopup", "menu");
  more.setAttribute("aria-expanded", "false");
  const waits = task.pattern === "once" && task.phase === "scheduled";
  row.replaceChildren(
    ...acts(task, keeper),
    waits ? button(words.snooze, "timer", () => snooze(task, refresh)) : "",
    button(words.edit, "pencil", () => editTask(task, refresh)),
    more,
  );
}

/** What else can be done to a task. */
function moreOf(task, runs) {
  const goesOn = !ENDED.has(task.phase);
  // Of a once task that has ended it is the button already.
  const ran = runs.some((run) => !["skipped", "missed"].includes(run.status)) && (goesOn || task.pattern === "recurring");
  const timed = task.pattern === "recurring" && !task.schedule?.on_event;
  return [
    goesOn && task.pattern === "recurring" ? { label: words.pauseUntil, icon: "circle-pause", act: () => pauseUntil(task, refresh) } : null,
    goesOn ? { label: words.runWith, icon: "pencil", act: () => runWith(task, null, refresh) } : null,
    goesOn && timed ? { label: words.backfill, icon: "history", act: () => backfill(task, refresh) } : null,
    goesOn && task.pattern === "recurring" ? { label: words.snoozeUntil, icon: "timer", act: () => snooze(task, refresh) } : null,
    ran ? { label: words.runAgain, icon: "rotate-ccw", act: () => runAgain(task, keeper) } : null,
    { label: words.resultsFeed, icon: "newspaper", act: () => showResultsFeed(task) },
    { label: words.duplicate, icon: "copy", act: () => duplicateTask(task, refresh) },
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

document.querySelector('[data-live="plan"]').addEventListener("click", async (event) => {
  const anchor = event.target.closest("[data-cancel-plan]");
  if (anchor && await cancelPlan(anchor.dataset.cancelPlan, Number(anchor.dataset.unfinished))) refresh();
});

const { task } = embedded("task-entry");
const concerns = (object) => object.id === task.id || object.task_id === task.id || object.plan_id === task.plan_id;
const held = () => document.querySelector(".menu") !== null;
const refresh = keepLive({ kinds: ["task_changed", "run_changed"], concerns, hold: held, onrefresh: (names) => { if (names.includes("facts")) draw(); } });
draw();
