// A task as a card: its schedule in words, next run with countdown, last runs, and what can be done to it. The same card
// stands in the rail and, as `scheduled_task_controller`, in the transcript; both follow the store.
import { looseObject } from "../conversations/loose.js";
import { register } from "../conversations/components/registry.js";
import { call, to } from "../site/api.js";
import { button, h, icon } from "../site/dom.js";
import { named } from "../site/names.js";
import { moment, span, time } from "../site/times.js";
import { words } from "../site/words.js";
import { cancel, pause, resume, runAgain, scheduleAgain, trigger } from "./actions.js";
import { BUSY, ENDED } from "./store.js";

const STRIP_RUNS = 16;
const described = new Map();

/** A schedule in words, as the server says them; asked for once each. */
export function scheduleWords(schedule) {
  if (!schedule || !Object.keys(schedule).some((key) => key !== "timezone")) return Promise.resolve(words.once);
  const key = JSON.stringify(schedule);
  if (!described.has(key)) {
    described.set(key, call("POST", "/schedules/preview", { ...schedule, count: 1 }).then((preview) => preview.summary, () => ""));
  }
  return described.get(key);
}

/** Take over words that the page came with, so that they need not be asked for. */
export function knowWords(schedule, text) {
  if (schedule && text) described.set(JSON.stringify(schedule), Promise.resolve(text));
}

export function phaseWord(task) {
  const phase = task.phase ?? task.status;
  if (phase === "paused") return words.pausedBecause[task.paused_reason] ?? words.phases.paused;
  return words.phases[phase] ?? phase;
}

export const phasePill = (task) => h("span.pill", { class: task.phase ?? task.status }, phaseWord(task));

/** The strip of the last runs, oldest first: a picture, with its sum in words. */
export function strip(runs) {
  const last = runs.slice(0, STRIP_RUNS).reverse();
  const counts = new Map();
  const bars = last.map((run) => {
    const word = words.phases[run.status] ?? run.status;
    counts.set(word, (counts.get(word) ?? 0) + 1);
    return h("span", { class: run.status, title: `${moment(new Date(run.scheduled_for))}: ${word}` });
  });
  const told = [...counts].map(([word, number]) => `${number} ${word}`).join(", ");
  return h("span.strip", { role: "img", "aria-label": words.lastRuns(told) }, bars);
}

function lastWords(run) {
  const parts = [moment(new Date(run.started_at ?? run.scheduled_for))];
  if (run.started_at && run.finished_at) parts.push(span(new Date(run.finished_at) - new Date(run.started_at)));
  if (run.status !== "succeeded") parts.push(words.phases[run.status] ?? run.status);
  else if (run.started_at && ["schedule", "catch_up"].includes(run.trigger)) {
    const late = new Date(run.started_at) - new Date(run.scheduled_for);
    parts.push(late < 2000 ? words.onTime : words.late(span(late)));
  }
  return parts.join(" · ");
}

/** The card of task `id`; `fallback` ({title, status}) is shown until, or unless, the task is known. */
export function taskCard(id, store, { fallback = {}, rail = false } = {}) {
  const element = h("section.card.task", { "data-task": id });
  let before = "";
  const draw = (entry) => {
    // Countdown and elapsed times keep themselves; anything else that changed makes the card anew.
    const now = JSON.stringify([entry.task, entry.runs, waitsFor(entry.task, store).map((other) => other.id)]);
    if (now === before) return;
    before = now;
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    element.replaceChildren(...cardOf(entry, store, rail));
    if (focused) element.querySelector(`[data-act="${focused}"]`)?.focus();
  };
  element.append(h("header", null, icon("calendar-clock"), h("span.grow", null, fallback.title || words.scheduledTask), fallback.status ? h("span.pill", { class: fallback.status }, words.phases[fallback.status] ?? fallback.status) : ""));
  store.watch(id, draw);
  return element;
}

function cardOf({ task, runs }, store, rail) {
  const recurring = task.pattern === "recurring";
  const phase = task.phase ?? task.status;
  const when = h("dd");
  scheduleWords(task.schedule).then((text) => { when.textContent = text; });
  const facts = [];
  if (recurring || task.schedule?.start_at) facts.push(h("dt", null, words.when), when);
  if (task.next_run_at && !ENDED.has(phase) && phase !== "paused") facts.push(h("dt", null, words.next), h("dd", null, time(task.next_run_at, "next")));
  if (rail || !recurring) facts.unshift(h("dt", null, words.agent), h("dd", null, task.agent_name));
  const waits = waitsFor(task, store);
  if (waits.length) facts.push(h("dt", null, words.plan.waitsFor), h("dd", null, waits.map((other) => named(other.title)).join(", ")));
  const ran = runs.find((run) => run.finished_at || run.started_at);
  if (ran && !BUSY.has(ran.status)) facts.push(h("dt", null, words.last), h("dd.num", null, lastWords(ran)));
  const running = runs.find((run) => run.status === "running" && run.started_at);
  const pill = phasePill(task);
  if (phase === "running" && running) pill.append(" ", time(running.started_at, "elapsed"));
  return [
    h("header", null, icon(recurring ? "calendar-clock" : "bot"), h("a.grow.plain", { href: to`/tasks/${task.id}/`, title: words.details }, named(task.title)), pill),
    facts.length ? h("dl.facts", null, facts) : null,
    phase === "failed" && task.error_message ? h("div.note.failed", null, icon("circle-alert"), h("span", null, task.error_message)) : null,
    recurring && runs.length ? strip(runs) : null,
    h("div.row", null, acts(task, store, rail)),
  ].filter(Boolean);
}

/** Those of its plan, as far as this page knows them, for whose end a task waits. */
function waitsFor(task, store) {
  if (task.status !== "pending" || task.next_run_at || !store.all) return [];
  const steps = store.all().map((entry) => entry.task).filter((other) => other.plan_id === task.plan_id && other.id !== task.id);
  const graph = [task, ...steps].some((other) => other.depends_on.length);
  // Ids are in the order in which a plan's tasks were made.
  const before = steps.filter((other) => (graph ? task.depends_on.includes(other.key) : other.id < task.id));
  return before.filter((other) => other.pattern === "once" && !ENDED.has(other.status));
}

/** The buttons that fit the phase. */
export function acts(task, store, brief = false) {
  const phase = task.phase ?? task.status;
  const make = (name, word, iconName, act, options = {}) => {
    const element = button(word, iconName, async () => {
      element.disabled = true;
      await act(task, store);
      element.disabled = false;
    }, options);
    element.dataset.act = name;
    if (brief) element.classList.add("small");
    return element;
  };
  if (ENDED.has(phase)) {
    return task.pattern === "recurring"
      ? [make("again", words.scheduleAgain, "repeat", scheduleAgain)]
      : [make("again", words.runAgain, "rotate-ccw", runAgain)];
  }
  const stop = make("cancel", words.cancel, "x", cancel, { kind: "danger", bare: task.pattern === "recurring" && brief });
  if (task.pattern === "once") {
    return phase === "scheduled" ? [make("trigger", words.runNow, "play", trigger), stop] : [stop];
  }
  return [
    make("trigger", words.runNow, "play", trigger),
    task.paused_at ? make("resume", words.resume, "play", resume) : make("pause", words.pause, "pause", pause),
    stop,
  ];
}

/** Let transcripts show `scheduled_task_controller` items as live cards of `store`. */
export function registerController(store) {
  register("scheduled_task_controller", (item) => {
    const data = looseObject(item.payload.content) ?? {};
    // The envelope's own: the content may be anybody's words.
    const id = item.task_id;
    const fallback = { title: data.task_title ?? item.metadata.task_title, status: data.task_status };
    if (!id) return h("section.card", null, h("header", null, icon("calendar-clock"), h("span.grow", null, fallback.title || words.scheduledTask), fallback.status ? h("span.pill", { class: fallback.status }, words.phases[fallback.status] ?? fallback.status) : null));
    // The item follows the status too: a window whose activity socket is away still shows it.
    if (fallback.status && store.get(id) && ENDED.has(fallback.status) && !ENDED.has(store.get(id).task.status)) store.fetch(id);
    return taskCard(id, store, { fallback });
  });
}
