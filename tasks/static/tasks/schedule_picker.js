// When should it run? Once, at a time, every N minutes, daily, by cron, or on an event, in a zone; with the words, the next five times
// and what clock changes do to them, as the server computes them, before anything starts.
import { ApiError, call } from "../site/api.js";
import { h, icon } from "../site/dom.js";
import { mark } from "../site/limits.js";
import { countdown, locale, wallToIso, zone as browserZone } from "../site/times.js";
import { words } from "../site/words.js";
import { phraseField } from "./phrase_field.js";

const PREVIEW_WAIT = 250;
const PREVIEW_TIMES = 5;
const text = words.picker;
const EMPTY = { kind: "once", at: "", minutes: "30", daily: ["09:00"], cron: "5 9 * * MON-FRI", zone: browserZone, overlap: "skip", catch_up: "one", max_runs: "", from: "", end: "", exclude: "", jitter: "", moments: {}, grid: null };
const KINDS = ["interval_minutes", "daily_time", "cron", "on_event"];
// What can be set beside the kind, as the API names it: [state, key, how the state becomes a value].
const LIMITS = [
  ["max_runs", "max_runs", Number],
  ["from", "start_at", exactly],
  ["end", "end_at", exactly],
  ["exclude", "exclude", (value) => value.split(/[\s,;]+/).filter(Boolean)],
  ["jitter", "jitter_seconds", Number],
];
// What can be chosen beside each kind: a moment can only be missed, and an event is never late.
const BESIDE = {
  once: [],
  at: ["catch_up"],
  event: ["overlap", "max_runs", "from", "end", "exclude"],
  every: ["overlap", "catch_up", ...LIMITS.map(([name]) => name)],
};
const beside = (kind) => BESIDE[kind] ?? BESIDE.every;

// Which of the API's keys a field of the picker stands for.
const KEYS = { at: "start_at", minutes: "interval_minutes", max_runs: "max_runs", from: "start_at", end: "end_at", exclude: "exclude", jitter: "jitter_seconds" };
const OWN = new Set(["overlap", "catch_up", "max_runs", "interval_minutes", "daily_time", "cron", "timezone", "start_at", "end_at", "exclude", "jitter_seconds", "on_event"]);

/** The moment that a field says; a field holds minutes, so one that nobody touched is the moment that it was filled with. */
function exactly(value, zone, known) {
  return known && localIn(known, zone) === value ? known : wallToIso(value, zone);
}

/** The form of a schedule. `value()` gives what the API takes; `onchange()` is called at each change. */
export class SchedulePicker {
  /** `kinds` limits what can be chosen; `start` is an earlier `state` (a draft) or {schedule} of a task. */
  constructor({ kinds = ["once", "at", "every", "daily", "cron", "event"], state = null, onchange = () => {} } = {}) {
    this.state = { ...EMPTY, daily: [...EMPTY.daily], ...state };
    if (!kinds.includes(this.state.kind)) this.state.kind = kinds[0];
    this.onchange = onchange;
    this.summary = "";
    this.good = true;
    this.asking = null;
    this.kinds = kinds;
    this.segments = h("div.segments", { role: "group", "aria-label": text.question }, kinds.map((kind) =>
      h("button", { type: "button", "data-kind": kind, "aria-pressed": String(kind === this.state.kind), onclick: () => this.choose(kind) }, text.kinds[kind])));
    this.fields = h("div.fields");
    this.wrong = h("div.wrong", { role: "alert" });
    this.preview = h("div.stack.snug", { "aria-live": "polite" });
    this.more = this.moreFields();
    const said = phraseField({ zone: () => this.state.zone, ontake: (schedule) => this.takeSaid(schedule) });
    this.element = h("div.stack.snug.schedule", null, said, this.segments, this.fields, this.wrong, this.preview, this.more);
    this.draw();
  }

  /** {schedule, overlap?, catch_up?} for the API, {} for "now, once"; throws Error with what to change. */
  value() {
    const { kind, at, minutes, daily, cron, zone } = this.state;
    if (kind === "once") return {};
    if (kind === "at") {
      const iso = at && wallToIso(at, zone);
      if (!iso) throw new Error(words.needStart);
      return { schedule: { start_at: iso, timezone: zone }, ...this.beside() };
    }
    const schedule = { timezone: zone };
    if (kind === "every") {
      const number = Number(minutes);
      if (!Number.isInteger(number) || number < 1 || number > 525600) throw new Error(words.needMinutes);
      schedule.interval_minutes = number;
    } else if (kind === "daily") {
      const times = [...new Set(daily.filter(Boolean))].sort();
      if (!times.length) throw new Error(words.needDaily);
      schedule.daily_time = times.length === 1 ? times[0] : times;
    } else if (kind === "event") {
      schedule.on_event = true;
    } else {
      if (!cron.trim()) throw new Error(words.needCron);
      const lines = cron.split("\n").map((line) => line.trim()).filter(Boolean);
      schedule.cron = lines.length === 1 ? lines[0] : lines;
    }
    for (const [name, key, read] of LIMITS) if (this.state[name] && beside(kind).includes(name)) schedule[key] = read(this.state[name], zone, this.state.moments[name]);
    return { schedule, ...this.beside() };
  }

  /** What of overlap and catch-up fits the kind and is other than a new task has it. */
  beside() {
    return Object.fromEntries(["overlap", "catch_up"].filter((name) => beside(this.state.kind).includes(name) && this.state[name] !== EMPTY[name]).map((name) => [name, this.state[name]]));
  }

  get recurring() {
    return !["once", "at"].includes(this.state.kind);
  }

  /** Show another schedule: what `state` leaves out goes back to where it began. */
  put(state) {
    Object.assign(this.state, EMPTY, { daily: [...EMPTY.daily] }, state);
    if (!this.kinds.includes(this.state.kind)) [this.state.kind] = this.kinds;
    const fresh = this.moreFields();
    fresh.open = this.more.open;
    this.more.replaceWith(fresh);
    this.more = fresh;
    this.draw();
  }

  /** Take a schedule that was said in words; what else was chosen stays. Returns what is wrong with it, or "". */
  takeSaid(schedule) {
    const fresh = SchedulePicker.stateOf({ schedule: { timezone: this.state.zone, ...schedule } });
    if (!this.kinds.includes(fresh.kind)) return this.kinds.includes("at") ? text.onlyOnce : text.onlyAgain;
    const { overlap, catch_up, moments } = this.state;
    const stay = Object.fromEntries(LIMITS.filter(([name]) => !fresh[name]).map(([name]) => [name, this.state[name]]));
    this.put({ ...fresh, overlap, catch_up, ...stay, moments: { ...moments, ...fresh.moments } });
    this.changed();
    return "";
  }

  choose(kind) {
    this.state.kind = kind;
    this.draw();
    this.fields.querySelector("input, textarea")?.focus();
    this.changed();
  }

  draw() {
    for (const button of this.segments.children) button.setAttribute("aria-pressed", String(button.dataset.kind === this.state.kind));
    const { kind } = this.state;
    const own = { once: () => [], at: () => [this.field("at", text.moment, { type: "datetime-local" })], every: () => [this.field("minutes", text.minutes, { type: "number", min: 1, max: 525600, inputmode: "numeric" })], daily: () => this.dailyFields(), cron: () => [this.cronField()], event: () => [h("p.quiet.small", null, text.onEvent)] }[kind]();
    this.fields.replaceChildren(...own, ...(kind === "once" ? [] : [this.zoneField()]));
    this.more.hidden = !beside(kind).length;
    this.more.querySelector("summary .word").textContent = kind === "at" ? text.moreOnce : text.more;
    for (const label of this.more.querySelectorAll("[data-beside]")) label.hidden = !beside(kind).includes(label.dataset.beside);
    // Of one moment there is no “each”.
    this.more.querySelector('[data-beside="catch_up"] option[value="all"]').hidden = kind === "at" && this.state.catch_up !== "all";
    this.refresh();
  }

  field(name, label, attributes) {
    const input = h("input.field", { ...attributes, value: this.state[name] });
    input.addEventListener("input", () => {
      this.state[name] = input.value;
      this.changed();
    });
    return this.labelled(label, input, KEYS[name]);
  }

  /** A field with its name, and under it the place for what is wrong with it (`key` as the API calls it). */
  labelled(label, control, key, className = "label") {
    return h("label", { class: className }, label, control, h("span.wrong", { role: "alert", "data-wrong": key }));
  }

  /** Say each text beside its field, and what has none (or a hidden one) under all of them. `fields` as the API names them. */
  point(fields) {
    for (const place of this.element.querySelectorAll("[data-wrong]")) place.textContent = "";
    for (const control of this.element.querySelectorAll('[aria-invalid="true"]')) mark(control, "");
    const others = [];
    for (const [name, texts] of Object.entries(fields ?? {})) {
      const said = [texts].flat().join(" ");
      const place = this.element.querySelector(`[data-wrong="${CSS.escape(name.replace(/^schedule\./, ""))}"]`);
      if (!place || place.closest("[hidden]")) {
        others.push(said);
        continue;
      }
      place.textContent = said;
      mark(place.parentElement.querySelector("input, select, textarea"), said);
      const fold = place.closest("details");
      if (fold) fold.open = true;
    }
    this.wrong.textContent = [...new Set(others)].join(" ");
  }

  /** One line an expression: several are one schedule. */
  cronField() {
    const area = h("textarea.field.lines", { rows: 1, spellcheck: "false", autocomplete: "off", placeholder: "5 9 * * MON-FRI" });
    area.value = this.state.cron;
    // As many lines as there are, also where the browser does not grow the field with its text.
    const grow = () => { area.rows = Math.min(10, area.value.split("\n").length); };
    grow();
    area.addEventListener("input", () => {
      this.state.cron = area.value;
      grow();
      this.changed();
    });
    // In a composer, Enter in a field would send.
    area.addEventListener("keydown", (event) => { if (event.key === "Enter") event.stopPropagation(); });
    return this.labelled(text.cron, area, "cron");
  }

  dailyFields() {
    const { daily } = this.state;
    const inputs = daily.map((value, index) => {
      const input = h("input.field", { type: "time", value });
      input.addEventListener("input", () => { daily[index] = input.value; this.changed(); });
      const remove = index > 0 ? h("button.button.bare", { type: "button", "aria-label": text.removeTime, onclick: () => { daily.splice(index, 1); this.draw(); this.changed(); } }, icon("x")) : null;
      return h("label.label", null, text.time, h("span.row.tight", null, input, remove));
    });
    const add = h("button.button.bare", { type: "button", "aria-label": text.addTime, title: text.addTime, onclick: () => { daily.push("18:00"); this.draw(); this.changed(); } }, icon("plus"));
    return [...inputs, add];
  }

  zoneField() {
    const zones = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
    const names = [...new Set([browserZone, this.state.zone, "UTC", ...zones])];
    const select = h("select.field", null, names.map((name) => h("option", { value: name, selected: name === this.state.zone }, name.replaceAll("_", " "))));
    select.addEventListener("change", () => { this.moveTo(select.value); this.changed(); });
    return this.labelled(text.zone, select, "timezone", "label zone");
  }

  /** Take another zone. A beginning and an end that nobody touched stay the moments that they are. */
  moveTo(zone) {
    for (const [name, known] of Object.entries(this.state.moments)) {
      if (this.state[name] !== localIn(known, this.state.zone)) continue;
      this.state[name] = localIn(known, zone);
      const field = this.more.querySelector(`[data-limit="${name}"]`);
      if (field) field.value = this.state[name];
    }
    this.state.zone = zone;
  }

  moreFields() {
    const choose = (name, label, options) => {
      const select = h("select.field", null, Object.entries(options).map(([value, word]) => h("option", { value, selected: this.state[name] === value }, word)));
      select.addEventListener("change", () => { this.state[name] = select.value; this.changed(); });
      return this.labelled(label, select, name);
    };
    const fields = {
      overlap: choose("overlap", text.overlap, text.overlaps),
      catch_up: choose("catch_up", text.catchUp, text.catchUps),
      max_runs: this.field("max_runs", text.maxRuns, { type: "number", min: 1, placeholder: text.noLimit }),
      from: this.field("from", text.from, { type: "datetime-local", "data-limit": "from" }),
      end: this.field("end", text.end, { type: "datetime-local", "data-limit": "end" }),
      exclude: this.field("exclude", text.exclude, { placeholder: text.excludeHint, autocomplete: "off", spellcheck: "false" }),
      jitter: this.field("jitter", text.jitter, { type: "number", min: 0, max: 86400, placeholder: text.none }),
    };
    for (const [name, label] of Object.entries(fields)) label.dataset.beside = name;
    return h("details.fold", null, h("summary", null, icon("chevron-right", "i turn"), h("span.word", null, text.more)),
      h("div.inner", null, h("div.fields.row", null, Object.values(fields))));
  }

  changed() {
    this.onchange();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), PREVIEW_WAIT);
  }

  /** Ask the server what this schedule means and show it. */
  async refresh() {
    this.asking?.abort();
    this.point({});
    if (this.state.kind === "once") {
      this.summary = "";
      this.good = true;
      this.preview.replaceChildren();
      this.onchange();
      return;
    }
    let wanted;
    try {
      wanted = this.value().schedule;
      // The next times are what is asked for, not those since the beginning.
      if (this.recurring && new Date(wanted.start_at) <= new Date()) wanted.start_at = onGrid(wanted, wanted.start_at);
      // An interval goes on in the grid that it has.
      else if (!wanted.start_at && this.state.grid?.minutes === wanted.interval_minutes) wanted.start_at = onGrid(wanted, this.state.grid?.at);
    } catch (error) {
      this.good = false;
      this.preview.replaceChildren(h("p.quiet.small", null, error.message));
      this.onchange();
      return;
    }
    const asking = new AbortController();
    this.asking = asking;
    try {
      const preview = await call("POST", "/schedules/preview", { ...wanted, count: PREVIEW_TIMES }, { signal: asking.signal });
      this.show(preview, wanted.timezone);
      this.good = true;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.good = !(error instanceof ApiError && error.status === 422);
      this.point(error.fields);
      if (!Object.keys(error.fields ?? {}).length) this.wrong.textContent = error.message;
      this.preview.replaceChildren();
      this.summary = "";
    }
    this.onchange();
  }

  show(preview, zone) {
    this.summary = preview.summary;
    const format = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
    const now = new Date();
    const rows = preview.times.map((iso) => {
      const date = new Date(iso);
      return h("li", null, h("time", { datetime: iso }, format.format(date)), h("span.quiet", null, date > now ? countdown(date, now) : text.atOnce));
    });
    const away = zone === browserZone ? null : h("span.quiet.small", null, text.inZone(zone.replaceAll("_", " ")));
    this.preview.replaceChildren(
      h("div.row", null, h("strong.summary", null, preview.summary), away),
      rows.length ? h("ul.times.num", { "aria-label": words.nextTimes }, rows) : "",
      ...(preview.notes ?? []).map((note) => h("div.note", null, icon("triangle-alert"), h("span", null, note.text))));
  }

  /** Whether it says what is wrong with a field of this name. */
  has(name) {
    return name.startsWith("schedule") || OWN.has(name);
  }

  /** Show what the server said about `schedule` when it was sent. Returns whether it said anything. */
  complain(error) {
    const own = Object.entries(error.fields ?? {}).filter(([name]) => this.has(name));
    this.point(Object.fromEntries(own));
    return own.length > 0;
  }

  /**
   * What has to be sent so that a task of which `before` was `value()` becomes what the picker says now: nothing of what
   * is as it was, null for what is gone.
   */
  changes(before) {
    const now = this.value();
    const schedule = changed(before.schedule ?? {}, now.schedule ?? {});
    // A new kind takes the old one's place by itself.
    for (const kind of KINDS) if (schedule[kind] === null) delete schedule[kind];
    const chosen = (value) => ({ overlap: value.overlap ?? EMPTY.overlap, catch_up: value.catch_up ?? EMPTY.catch_up });
    const others = Object.entries(changed(chosen(before), chosen(now))).filter(([name]) => beside(this.state.kind).includes(name));
    return { ...(Object.keys(schedule).length ? { schedule } : {}), ...Object.fromEntries(others) };
  }

  /** A task's schedule as the picker's state. */
  static stateOf(task) {
    const schedule = task.schedule ?? {};
    const zone = schedule.timezone ?? browserZone;
    const common = {
      zone,
      overlap: task.overlap ?? "skip",
      catch_up: task.catch_up ?? "one",
      max_runs: String(schedule.max_runs ?? ""),
      end: schedule.end_at ? localIn(schedule.end_at, zone) : "",
      exclude: (schedule.exclude ?? []).join(", "),
      jitter: String(schedule.jitter_seconds ?? ""),
      from: schedule.start_at ? localIn(schedule.start_at, zone) : "",
      moments: { ...(schedule.start_at ? { from: schedule.start_at } : {}), ...(schedule.end_at ? { end: schedule.end_at } : {}) },
    };
    const grid = task.next_run_at && !schedule.jitter_seconds ? { minutes: schedule.interval_minutes, at: task.next_run_at } : null;
    if (schedule.interval_minutes) return { ...common, grid, kind: "every", minutes: String(schedule.interval_minutes) };
    if (schedule.daily_time) return { ...common, kind: "daily", daily: [schedule.daily_time].flat() };
    if (schedule.cron) return { ...common, kind: "cron", cron: [schedule.cron].flat().join("\n") };
    if (schedule.on_event) return { ...common, kind: "event" };
    if (schedule.start_at) return { ...common, kind: "at", at: localIn(schedule.start_at, zone), from: "" };
    return { ...common, kind: "at", at: "", from: "" };
  }
}

/** The first time of an interval that is not over, counted from `anchor`; none for what is no interval. */
function onGrid({ interval_minutes: minutes }, anchor) {
  if (!minutes || !anchor) return undefined;
  const step = minutes * 60000;
  const begin = new Date(anchor).getTime();
  return new Date(begin + Math.max(0, Math.ceil((Date.now() - begin) / step)) * step).toISOString();
}

/** The entries of `now` that are not as in `before`; null for those that it has no more. */
export function changed(before, now) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return Object.fromEntries(keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key])).map((key) => [key, now[key] ?? null]));
}

/** A moment (ISO 8601 or a Date) as a datetime-local field of a zone holds it. */
export function localIn(iso, timeZone) {
  const parts = {};
  for (const { type, value } of new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).formatToParts(new Date(iso))) parts[type] = value;
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}
