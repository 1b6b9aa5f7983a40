// The form of a whole task: to change it in place, or to make another one like it. What is written is not lost.
import { call, fieldText, newKey, to } from "../site/api.js";
import { h } from "../site/dom.js";
import { REQUEST, TITLE, limit } from "../site/limits.js";
import { explain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { SchedulePicker } from "./schedule_picker.js";
import { ENDED } from "./store.js";
import { TaskOptions } from "./task_options.js";
import { textPreview } from "./text_preview.js";

/** Change `task` in place; `ondone()` is called when it is saved. */
export const editTask = (task, ondone) => taskForm(task, {
  title: words.editTask,
  hint: ENDED.has(task.phase) ? words.editEnded : "",
  lasting: true,
  act: words.save,
  async send(body) {
    if (Object.keys(body).length) await call("PATCH", to`/tasks/${task.id}`, body);
    toast(words.saved, { seconds: 4 });
    ondone();
  },
});

/** Make another task like `task`; `ondone(fresh)` is called with it. */
export function duplicateTask(task, ondone) {
  let attempt = null;
  return taskForm(withoutPast(task), {
    title: words.duplicateTask,
    hint: `${words.duplicateHint} ${words.duplicateBegins[beginning(task)]}`,
    act: words.duplicateNow,
    async send(body) {
      // Tried again as it was, it cannot be made twice; another body needs another key.
      const print = JSON.stringify(body);
      if (attempt?.print !== print) attempt = { print, key: newKey() };
      const fresh = await call("POST", to`/tasks/${task.id}/clone`, body, { key: attempt.key });
      toast(words.duplicated, { actions: [{ word: words.details, act: () => location.assign(to`/tasks/${fresh.id}/`) }] });
      ondone(fresh);
    },
  });
}

/** A copy begins now: what of its schedule is over is the server's to leave out, and not shown. */
function withoutPast(task) {
  const over = (moment) => moment && new Date(moment) <= new Date();
  const schedule = task.schedule ? { ...task.schedule } : null;
  if (schedule && over(schedule.start_at)) delete schedule.start_at;
  return { ...task, schedule, deadline_at: over(task.deadline_at) ? null : task.deadline_at };
}

/** How a copy of `task` begins: the kind of its schedule, or "once" where it runs at once. */
function beginning(task) {
  const { schedule } = withoutPast(task);
  return task.pattern === "recurring" || schedule?.start_at ? SchedulePicker.stateOf({ schedule }).kind : "once";
}

function taskForm(task, { title: heading, hint = "", act, lasting = false, send }) {
  const recurring = task.pattern === "recurring";
  const title = h("input.field", { value: task.title });
  const query = h("textarea.field");
  query.value = task.query;
  const wrong = { title: h("span.wrong", { role: "alert" }), query: h("span.wrong", { role: "alert" }), all: h("div.wrong", { role: "alert" }) };
  const fits = [limit(title, TITLE, wrong.title), limit(query, REQUEST, wrong.query)];
  // What has ended keeps its text and times, and can still be named anew.
  const ended = lasting && ENDED.has(task.phase);
  query.readOnly = ended;
  const timed = !ended && (recurring || task.schedule?.start_at);
  const picker = timed ? new SchedulePicker({ kinds: recurring ? ["every", "daily", "cron", "event"] : ["at"], state: SchedulePicker.stateOf(task) }) : null;
  const before = picker?.value();
  const options = new TaskOptions({ task, recurring, ended });
  const go = h("button.button.primary", null, act);
  const form = h("form", { method: "dialog", novalidate: true },
    h("div.stack.snug", null, h("h1", null, heading), hint ? h("p.quiet.small", null, hint) : null),
    h("label.label", null, words.title, title, wrong.title),
    h("label.label", null, words.request, query, wrong.query),
    ended ? null : textPreview(task, query),
    picker ? h("div.stack.snug", null, h("h2", null, words.howToRun), picker.element) : null,
    options.element,
    wrong.all,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), go));
  const dialog = h("dialog.wider", { "aria-label": heading }, form);
  const print = () => JSON.stringify([title.value, query.value, picker?.state ?? null, options.state]);
  const begin = print();
  let saved = false;

  /** What is other than before, and every error that is seen before anything is sent. */
  function read() {
    const body = { ...(title.value === task.title ? {} : { title: title.value }), ...(query.value === task.query ? {} : { query: query.value }) };
    const errors = [];
    for (const part of [() => (picker ? picker.changes(before) : {}), () => options.changes()]) {
      try {
        Object.assign(body, part());
      } catch (error) {
        errors.push(error);
      }
    }
    return { body, errors };
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    options.complain(null);
    wrong.all.textContent = "";
    const fit = fits.map((one) => one()).every(Boolean);
    const { body, errors } = read();
    if (!fit || errors.length) {
      for (const error of errors) if (!options.complain(error)) wrong.all.textContent = error.message;
      go.disabled = false;
      return;
    }
    try {
      await send(body);
      saved = true;
      dialog.close();
    } catch (error) {
      wrong.title.textContent = fieldText(error, "title");
      wrong.query.textContent = fieldText(error, "query");
      const fields = error.fields ?? {};
      const placed = [wrong.title.textContent, wrong.query.textContent, picker?.complain(error), options.complain(error)].some(Boolean);
      const shown = (name) => ["title", "query"].includes(name) || options.has(name) || picker?.has(name);
      const other = Object.entries(fields).filter(([name]) => !shown(name)).flatMap(([, texts]) => texts).join(" ");
      wrong.all.replaceChildren(...(other ? [other] : placed ? [] : explain(error)));
    }
    go.disabled = false;
  });
  // A key or a press beside it closes a dialog: what was written in it can be gone on with.
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (!saved && print() !== begin) toast(words.notSaved, { actions: [{ word: words.goOnWriting, act: open }] });
  });
  const open = () => {
    document.body.append(dialog);
    dialog.showModal();
  };
  open();
}
