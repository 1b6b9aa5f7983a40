// The calendar: pages turn in place, with the address; arrow keys walk over its days and entries; it stays live.
import { keepLive } from "../site/live_page.js";
import "./feed.js";

const box = document.getElementById("calendar");
const failed = document.getElementById("calendar-failed");
const frame = box.parentElement;
const bar = document.querySelector(".calendar-bar");

const refresh = keepLive({ kinds: ["task_changed", "run_changed"] });

const view = () => new URLSearchParams(location.search).get("view") ?? "week";
const shownDays = () => [...box.querySelectorAll(".day")].filter((day) => day.checkVisibility());
const dayOf = (date) => box.querySelector(`[data-date="${date}"]`);

/** Show what the address asks for; the old page stays, greyed, until the new one is there. */
async function turn({ focus = null } = {}) {
  failed.hidden = true;
  box.setAttribute("aria-busy", "true");
  const good = await refresh();
  box.removeAttribute("aria-busy");
  failed.hidden = good;
  if (!good) return;
  const name = view();
  frame.className = `calendar ${["day", "month"].includes(name) ? name : "week"}`;
  document.title = `${bar.querySelector("h1").lastChild.textContent} · ValueCell Tasks`;
  if (!focus) toToday();
  if (focus) (dayOf(focus) ?? box).querySelector(".date")?.focus();
}

function go(href, options) {
  if (href !== location.pathname + location.search) history.pushState(null, "", href);
  return turn(options);
}

document.getElementById("calendar-again").addEventListener("click", () => turn());
addEventListener("popstate", () => turn());

document.getElementById("main").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-go]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button) return;
  event.preventDefault();
  const name = link.dataset.go;
  go(link.getAttribute("href")).then(() => { if (name !== "day") bar.querySelector(`[data-go="${name}"]`)?.focus(); else box.querySelector(".date")?.focus(); });
});

// Where the days stand under one another, today is what one looks for first.
const single = () => getComputedStyle(box.querySelector(".days") ?? box).gridTemplateColumns.split(" ").length === 1;
function toToday() {
  const today = box.querySelector(".today");
  if (today && single() && view() !== "day") today.scrollIntoView({ block: "start" });
}
toToday();

// Keys

const iso = (date) => date.toISOString().slice(0, 10);

function moved(date, days) {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return iso(at);
}

/** Focus the day that lies `days` away, on another page where it is not on this one. */
function walk(from, days) {
  const wanted = moved(from, days);
  const day = dayOf(wanted);
  if (day?.checkVisibility() && (view() !== "month" || !day.classList.contains("outside"))) {
    for (const link of box.querySelectorAll(".date")) link.tabIndex = -1;
    const link = day.querySelector(".date");
    link.tabIndex = 0;
    link.focus();
    return;
  }
  const query = new URLSearchParams({ view: view(), date: wanted });
  go(`${location.pathname}?${query}`, { focus: wanted });
}

box.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  const day = event.target.closest(".day");
  if (!day) return;
  const onDate = event.target.classList.contains("date");
  const months = onDate && view() === "month" && !single();
  const step = { ArrowLeft: -1, ArrowRight: 1, ...(months ? { ArrowUp: -7, ArrowDown: 7 } : {}) }[event.key];
  if (step) {
    event.preventDefault();
    walk(day.dataset.date, step);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const stops = shownDays().flatMap((one) => [...one.querySelectorAll("a")]).filter((link) => link.checkVisibility());
    stops[stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  } else if (event.key === "Home" || event.key === "End") {
    event.preventDefault();
    const days = shownDays();
    days[event.key === "Home" ? 0 : days.length - 1].querySelector(".date").focus();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog, .menu") || event.metaKey || event.ctrlKey || event.altKey) return;
  const name = { t: "today", d: "day", w: "week", m: "month", PageUp: "before", PageDown: "after", "[": "before", "]": "after" }[event.key];
  // The views' own links stand in the bar; PageUp and PageDown turn pages while a day has the focus.
  if (!name || (event.key.startsWith("Page") && !box.contains(event.target))) return;
  event.preventDefault();
  bar.querySelector(`[data-go="${name}"]`)?.click();
});
