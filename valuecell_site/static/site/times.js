// Times as people say them, in the browser's zone. `<time datetime>` elements with data-time="…" are kept up to date.
import { words } from "./words.js";

// English says its dates as the server does: "Thu 26 Nov".
const spoken = document.documentElement.lang || "en";
export const locale = spoken === "en" ? "en-GB" : spoken;
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const format = (options) => new Intl.DateTimeFormat(locale, { hourCycle: "h23", ...options });
const clockFormat = format({ hour: "2-digit", minute: "2-digit" });
const dayFormat = format({ weekday: "short", day: "numeric", month: "short" });
const dayYearFormat = format({ day: "numeric", month: "short", year: "numeric" });
const longDayFormat = format({ weekday: "long", day: "numeric", month: "long" });
const fullFormat = format({ weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

const dayNumber = (date) => Math.floor((date.getTime() - date.getTimezoneOffset() * 60000) / 86400000);

/** "09:05" */
export const clock = (date) => clockFormat.format(date);
/** The whole of it, zone included: for titles and screen readers. */
export const full = (date) => fullFormat.format(date);

/** "today", "tomorrow", "Thu 26 Nov", "3 Mar 2024" */
export function day(date, now = new Date()) {
  const distance = dayNumber(date) - dayNumber(now);
  if (distance === 0) return words.today;
  if (distance === 1) return words.tomorrow;
  if (distance === -1) return words.yesterday;
  return date.getFullYear() === now.getFullYear() ? dayFormat.format(date) : dayYearFormat.format(date);
}

/** A heading for a day of the transcript: "Today", "Monday 23 November". */
export function dayHeading(date, now = new Date()) {
  const distance = dayNumber(now) - dayNumber(date);
  const text = distance === 0 ? words.today : distance === 1 ? words.yesterday : date.getFullYear() === now.getFullYear() ? longDayFormat.format(date) : dayYearFormat.format(date);
  return text[0].toUpperCase() + text.slice(1);
}

/** "today 09:05" */
export const moment = (date, now = new Date()) => `${day(date, now)} ${clock(date)}`;

/** A span in milliseconds as its two largest units: "14 h 22 min", "6.2 s", "40 ms" stays "0.0 s". */
export function span(milliseconds) {
  const u = words.units;
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} ${u.s}`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} ${u.s}`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 10) return whole % 60 ? `${minutes} ${u.min} ${whole % 60} ${u.s}` : `${minutes} ${u.min}`;
  if (minutes < 60) return `${minutes} ${u.min}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} ${u.h} ${minutes % 60} ${u.min}` : `${hours} ${u.h}`;
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 7 ? `${days} ${u.d} ${hours % 24} ${u.h}` : `${days} ${u.d}`;
}

/** "in 4 min", counted in whole seconds so that it ticks; "due now" at and shortly after the moment. */
export function countdown(date, now = new Date()) {
  const left = date - now;
  if (left <= 0) return words.due;
  return words.inTime(span(left < 9950 ? Math.ceil(left / 1000) * 1000 : left).replace(".0 ", " "));
}

/** "4 min ago", "today 09:05" when it is longer ago than an hour. */
export function ago(date, now = new Date()) {
  const past = now - date;
  if (past < 5000) return words.now;
  if (past < 3600000) return words.ago(past < 60000 ? `${Math.round(past / 1000)} ${words.units.s}` : `${Math.floor(past / 60000)} ${words.units.min}`);
  return moment(date, now);
}

/** "in 14 h": the largest unit alone, for narrow columns. */
export function soon(date, now = new Date()) {
  const text = countdown(date, now);
  const left = date - now;
  return left < 120000 ? text : text.replace(/^(\D*\d+\s\S+)\s\d+\s\S+/, "$1");
}

const says = {
  soon: (date, now) => soon(date, now),
  clock: (date) => clock(date),
  moment: (date, now) => moment(date, now),
  ago: (date, now) => ago(date, now),
  countdown: (date, now) => countdown(date, now),
  next: (date, now) => `${countdown(date, now)} · ${moment(date, now)}`,
  elapsed: (date, now) => span(now - date),
};

/** Write one `<time>` as its data-time says. */
export function say(element, now = new Date()) {
  const date = new Date(element.dateTime);
  const speak = says[element.dataset.time];
  if (!speak || Number.isNaN(date.getTime())) return;
  const text = speak(date, now);
  if (element.textContent !== text) element.textContent = text;
  if (!element.title) element.title = full(date);
}

/** A `<time>` element that stays right; `kind` is one of clock, moment, ago, countdown, next, elapsed. */
export function time(iso, kind, className = "") {
  const element = document.createElement("time");
  element.dateTime = iso;
  element.dataset.time = kind;
  element.className = className || "num";
  say(element);
  return element;
}

/** Write every `<time>` of the page now and once a second (only those that move, while the page is seen). */
export function keepTimes() {
  document.querySelectorAll("time[data-time]").forEach((element) => say(element));
  setInterval(() => {
    if (document.hidden) return;
    const now = new Date();
    document.querySelectorAll('time[data-time="countdown"], time[data-time="next"], time[data-time="soon"], time[data-time="elapsed"], time[data-time="ago"]').forEach((element) => say(element, now));
  }, 1000);
}

/**
 * A wall clock time of a zone as ISO 8601 with offset. `local` is what a datetime-local field holds ("2026-11-26T09:05").
 * Where the zone skips that time, the moment after the gap; where it repeats it, the first pass.
 */
export function wallToIso(local, timeZone) {
  const wanted = Date.parse(`${local}Z`);
  if (Number.isNaN(wanted)) return null;
  const guesses = [offsetAt(wanted - 86400000, timeZone), offsetAt(wanted + 86400000, timeZone)];
  for (const offset of guesses) {
    const moment = wanted - offset;
    if (offsetAt(moment, timeZone) === offset) return withOffset(wanted, offset);
  }
  return withOffset(wanted - guesses[0] + guesses[1], guesses[1]);
}

function offsetAt(moment, timeZone) {
  const parts = {};
  const options = { timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  for (const { type, value } of new Intl.DateTimeFormat("en-US", options).formatToParts(moment)) parts[type] = value;
  const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return wall - Math.floor(moment / 1000) * 1000;
}

function withOffset(wall, offset) {
  const minutes = Math.round(Math.abs(offset) / 60000);
  const two = (n) => String(n).padStart(2, "0");
  return `${new Date(wall).toISOString().slice(0, 19)}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
