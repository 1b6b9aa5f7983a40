// Everything of a task that can be chosen besides its text, agent and schedule, folded under "More options": what each
// means in words, and what is wrong with it beside its field.
import { h, icon } from "../site/dom.js";
import { mark } from "../site/limits.js";
import { wallToIso, zone as browserZone } from "../site/times.js";
import { words } from "../site/words.js";
import { localIn } from "./schedule_picker.js";

const text = words.options;
const number = (min, max) => ({ type: "number", min, max, inputmode: "numeric" });
const cost = { type: "number", min: 0, step: "any", inputmode: "decimal" };
// [name, how it is chosen, the default of a new task, whether it may be empty]; those of `RECURRING` only for schedules,
// and `LASTING` also when the task has ended.
const FIELDS = [
  ["priority", number(0, 9), 5],
  ["max_attempts", number(1, 20), 3],
  ["timeout_seconds", number(1, 604800), 3600],
  ["deadline_at", { type: "datetime-local" }, null, true],
  ["on_interrupt", "choice", null, true],
  ["catch_up_window_minutes", number(1, 525600), 1440],
  ["conversation_mode", "choice", "append"],
  ["notify", "choice", "news"],
  ["max_runs_per_day", number(1, 100000), null, true],
  ["budget.tokens_per_day", number(1), null, true],
  ["budget.tokens_per_month", number(1), null, true],
  ["budget.cost_per_day", cost, null, true],
  ["budget.cost_per_month", cost, null, true],
  ["retention_days", number(0, 36500), null, true],
  ["only_changes", "switch", false],
];
const RECURRING = new Set(["conversation_mode", "only_changes", "max_runs_per_day", "budget.tokens_per_day", "budget.tokens_per_month", "budget.cost_per_day", "budget.cost_per_month"]);

const LASTING = new Set(["retention_days"]);

let count = 0; // each field has an id of its own, however many forms there are
const deep = (task, name) => name.split(".").reduce((value, key) => value?.[key], task);

/** The fields. `task` is whose options they are at first; without one they are those of a new task. */
export class TaskOptions {
  constructor({ task = null, state = {}, recurring = true, ended = false, onchange = () => {} } = {}) {
    this.task = task;
    this.ended = ended;
    this.controls = new Map();
    const fields = FIELDS.map(([name, kind, byDefault]) => {
      const begin = task ? deep(task, name) ?? null : byDefault;
      const control = this.control(name, kind, state[name] ?? shown(begin));
      control.addEventListener("input", onchange);
      this.controls.set(name, { control, kind, begin, first: shown(begin) });
      return this.label(name, kind, control);
    });
    this.element = h("details.fold.options", null, h("summary", null, icon("chevron-right", "i turn"), text.more), h("div.inner", null, h("div.choices", null, fields)));
    this.recur(recurring);
  }

  control(name, kind, value) {
    if (kind === "switch") return h("input", { type: "checkbox", checked: value === "true", "data-option": name });
    if (kind !== "choice") return h("input.field", { ...kind, value, "data-option": name, placeholder: kind.type === "number" ? text.none : null });
    // A new task's default may depend on what it is; that of one that there is, is known.
    const choices = Object.entries(text.choices[name]).filter(([key]) => key || !this.task);
    return h("select.field", { "data-option": name }, choices.map(([key, word]) => h("option", { value: key, selected: key === value }, word)));
  }

  /** A field under its name; what it means and what is wrong with it describe it, and are no part of its name. */
  label(name, kind, control) {
    const [word, hint] = text.fields[name];
    const id = `option-${(count += 1)}`;
    control.id = id;
    control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
    const title = h("label", { for: id }, word);
    return h("div.label", { "data-for": name, class: kind === "switch" ? "switch" : "" },
      kind === "switch" ? h("span.row", null, control, title) : [title, control],
      h("span.hint", { id: `${id}-hint` }, hint),
      h("span.wrong", { id: `${id}-wrong`, role: "alert", "data-wrong": name }));
  }

  /** Show what fits a schedule, or a task that runs once. */
  recur(recurring) {
    this.recurring = recurring;
    for (const label of this.element.querySelectorAll("[data-for]")) label.hidden = !this.fits(label.dataset.for);
  }

  fits(name) {
    return this.ended ? LASTING.has(name) : this.recurring || !RECURRING.has(name);
  }

  /** What the person wrote, for a draft. */
  get state() {
    return Object.fromEntries([...this.controls].filter(([, { control, first }]) => said(control) !== first).map(([name, { control }]) => [name, said(control)]));
  }

  /** Put everything back to where it began. */
  reset() {
    for (const { control, first } of this.controls.values()) {
      if (control.type === "checkbox") control.checked = first === "true";
      else control.value = first;
    }
    this.element.open = false;
    this.complain(null);
  }

  /** What is other than at first, as the API takes it (null: gone). Throws an error with `fields`, which `complain` shows. */
  changes() {
    const body = {};
    const fields = {};
    let budget = false;
    for (const [name, kind, , empty] of FIELDS) {
      const { control, first } = this.controls.get(name);
      const now = said(control);
      if (control.validity?.badInput) fields[name] = [text.unreadable];
      else if (now === first || !this.fits(name)) continue;
      else if (!now && !empty) fields[name] = [text.needed];
      else if (name.startsWith("budget.")) budget = true;
      else body[name] = now ? read(kind, now) : null;
    }
    if (Object.keys(fields).length) throw Object.assign(new Error(text.wrong), { fields });
    if (budget) {
      const limits = [...this.controls].filter(([name, { control }]) => name.startsWith("budget.") && said(control));
      body.budget = limits.length ? Object.fromEntries(limits.map(([name, { control }]) => [name.slice("budget.".length), Number(said(control))])) : null;
    }
    if (!this.task) for (const name of Object.keys(body)) if (body[name] === null) delete body[name];
    return body;
  }

  has(name) {
    return this.controls.has(name);
  }

  /** Say beside each field what an error (or none) has against it. Returns whether it had anything. */
  complain(error) {
    let any = null;
    for (const [name, { control }] of this.controls) {
      const said = [error?.fields?.[name] ?? []].flat().join(" ");
      this.element.querySelector(`[data-wrong="${name}"]`).textContent = said;
      mark(control, said);
      if (said) any ??= control;
    }
    if (any) {
      this.element.open = true;
      any.focus();
    }
    return Boolean(any);
  }
}

/** A value as its field holds it. */
function shown(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return localIn(value, browserZone);
  return String(value);
}

const said = (control) => (control.type === "checkbox" ? String(control.checked) : control.value.trim());

function read(kind, value) {
  if (kind === "switch") return value === "true";
  if (kind.type === "datetime-local") return wallToIso(value, browserZone);
  return kind.type === "number" ? Number(value) : value;
}
