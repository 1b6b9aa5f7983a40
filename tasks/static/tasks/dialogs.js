// The dialogs of a task: pause until, run later, run with another text, make up for a past range.
import { call, newKey, to } from "../site/api.js";
import { h } from "../site/dom.js";
import { REQUEST, limit } from "../site/limits.js";
import { explain, toast } from "../site/notices.js";
import { moment, wallToIso, zone as browserZone } from "../site/times.js";
import { words } from "../site/words.js";
import { localIn } from "./schedule_picker.js";

const COUNT_WAIT = 250;
const REASON = 500; // characters
const two = (n) => String(n).padStart(2, "0");
const wall = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;

/** A dialog with a form; `send()` does the work (and throws what is shown in `wrong`), once `fits()` says that it may. */
function formDialog({ title, hint = "", content, act, send, wider = false, wrong = h("div.wrong", { role: "alert" }), fits = () => true }) {
  const go = h("button.button.primary", null, act);
  const form = h("form", { method: "dialog", novalidate: true },
    h("div.stack.snug", null, h("h1", null, title), hint ? h("p.quiet.small", null, hint) : null),
    content, wrong,
    h("div.actions", null, h("button.button", { type: "button", onclick: () => dialog.close() }, words.close), go));
  const dialog = h("dialog", { class: wider ? "wider" : "", "aria-label": title }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!fits()) return;
    go.disabled = true;
    wrong.textContent = "";
    try {
      await send();
      dialog.close();
    } catch (error) {
      const said = Object.values(error.fields ?? {}).flat().join(" ");
      wrong.replaceChildren(...(said ? [said] : explain(error)));
    }
    go.disabled = false;
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, go, wrong };
}

/** Choices of a moment: {element, value()}; `value()` is a Date, null for "open", and throws what to change. */
function momentChoice(choices, label) {
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(9, 0, 0, 0);
  const field = h("input.field", { type: "datetime-local", value: wall(tomorrow), "aria-label": label });
  const box = h("div", { hidden: true }, field);
  let chosen = Object.keys(choices)[0];
  const buttons = Object.entries(choices).map(([name, word]) => h("button", {
    type: "button", "aria-pressed": String(name === chosen), "data-choice": name,
    onclick: () => {
      chosen = name;
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.choice === name)));
      box.hidden = name !== "date";
      if (name === "date") field.focus();
    },
  }, word));
  return {
    element: h("div.stack.snug", null, h("div.segments", { role: "group", "aria-label": label }, buttons), box),
    value() {
      if (chosen === "open") return null;
      if (chosen === "hour") return new Date(Date.now() + 3600000);
      if (chosen === "tomorrow") return tomorrow;
      const iso = field.value && wallToIso(field.value, browserZone);
      if (!iso || new Date(iso) <= new Date()) throw new Error(words.needLater);
      return new Date(iso);
    },
  };
}

/** Ask until when, and why, to pause; `send(body)` does it with {until?, reason?}. */
export function askPause({ title, hint, act, send }) {
  const until = momentChoice(words.untilChoices, words.howLong);
  const reason = h("input.field", { autocomplete: "off" });
  const wrong = h("div.wrong", { role: "alert" });
  formDialog({
    title,
    hint,
    act,
    wrong,
    fits: limit(reason, REASON, wrong),
    content: h("div.stack", null, until.element, h("label.label", null, words.reason, h("span.hint", null, words.reasonHint), reason)),
    async send() {
      const end = until.value();
      await send({ ...(end ? { until: end.toISOString() } : {}), ...(reason.value.trim() ? { reason: reason.value.trim() } : {}) }, end);
    },
  });
}

/** Ask until when to put off; `send(body)` does it with {until}. */
export function askSnooze({ title, hint = "", act, send }) {
  const when = momentChoice(words.snoozeChoices, words.snoozeTitle);
  formDialog({
    title,
    hint,
    act,
    content: when.element,
    async send() {
      const at = when.value();
      await send({ until: at.toISOString() }, at);
    },
  });
}

/** Pause a schedule, until a moment or not, with a reason. */
export const pauseUntil = (task, ondone) => askPause({
  title: words.pauseTitle,
  hint: words.pauseHint,
  act: words.pause,
  async send(body, end) {
    await call("POST", to`/tasks/${task.id}/pause`, body);
    toast(end ? words.pausedUntil(moment(end)) : words.pausedNow, { seconds: 5 });
    ondone();
  },
});

/** Put off what comes next: a once task that waits runs at another moment, a schedule rests until then. */
export const snooze = (task, ondone) => askSnooze({
  title: words.snoozeTitle,
  act: words.snooze,
  async send(body, at) {
    await call("POST", to`/tasks/${task.id}/snooze`, body);
    toast(task.pattern === "once" ? words.snoozed(moment(at)) : words.pausedUntil(moment(at)), { seconds: 5 });
    ondone();
  },
});

/** Run once more, or now, with another text: `run` names the run whose slot is meant, or null. */
export async function runWith(task, runId, ondone) {
  const text = h("textarea.field", { "aria-label": words.request });
  const wrong = h("div.wrong", { role: "alert" });
  text.value = task.query;
  const path = runId ? to`/tasks/${task.id}/run-again` : to`/tasks/${task.id}/trigger`;
  formDialog({
    title: words.runWithTitle,
    hint: words.runWithHint,
    act: words.runNow,
    wider: true,
    wrong,
    fits: limit(text, REQUEST, wrong),
    content: text,
    async send() {
      if (!text.value.trim()) throw new Error(words.empty);
      await call("POST", path, { query: text.value, ...(runId ? { run_id: runId } : {}) }, { key: newKey() });
      toast(words.started, { seconds: 4 });
      ondone();
    },
  });
  text.focus();
  if (!runId) return;
  const run = await call("GET", to`/runs/${runId}`).catch(() => null);
  if (run?.input && text.value === task.query) text.value = run.input;
}

/** Run what lies in a past range, after its number is known. */
export function backfill(task, ondone) {
  const zone = task.schedule?.timezone ?? browserZone;
  const now = new Date();
  const yesterday = new Date(now.getTime() - 86400000);
  const from = h("input.field", { type: "datetime-local", value: localIn(yesterday, zone) });
  const end = h("input.field", { type: "datetime-local", value: localIn(now, zone) });
  const told = h("p.small.quiet.num", { "aria-live": "polite" });
  const range = () => ({ from: wallToIso(from.value, zone), to: wallToIso(end.value, zone) });
  const away = zone === browserZone ? null : h("p.quiet.small", null, words.inZoneOf(zone.replaceAll("_", " ")));
  const { go } = formDialog({
    title: words.backfillTitle,
    hint: words.backfillHint,
    act: words.backfillRun(0),
    content: h("div.stack.snug", null, h("div.fields", null, h("label.label", null, words.backfillFrom, from), h("label.label", null, words.backfillTo, end)), away, told),
    async send() {
      const made = await call("POST", to`/tasks/${task.id}/backfill`, range(), { key: newKey() });
      toast(words.backfilled(made.items.length), { seconds: 6 });
      ondone();
    },
  });
  let timer = 0;
  let asked = 0;
  const say = (text, number = 0) => {
    told.textContent = text;
    go.textContent = words.backfillRun(number);
    go.disabled = !number;
  };
  async function count() {
    const wanted = range();
    if (!wanted.from || !wanted.to) return say("");
    if (new Date(wanted.from) > new Date(wanted.to)) return say(words.backfillOrder);
    if (new Date(wanted.to) > new Date()) return say(words.backfillFuture);
    const mine = (asked += 1);
    const response = await fetch(`${to`/tasks/${task.id}/slots/`}?${new URLSearchParams(wanted)}`, { credentials: "same-origin" }).catch(() => null);
    const answer = response?.ok ? await response.json() : null;
    if (mine !== asked) return null;
    if (!answer) return say(words.noAnswer);
    return answer.count > answer.most ? say(words.backfillTooMany(answer.most)) : say(words.backfillCount(answer.count), answer.count);
  }
  for (const field of [from, end]) {
    field.addEventListener("input", () => { clearTimeout(timer); go.disabled = true; timer = setTimeout(count, COUNT_WAIT); });
  }
  count();
}
