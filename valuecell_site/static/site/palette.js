// The palette (Ctrl+K): any conversation, task, agent, page or act, by a few letters of its name. Loaded when first opened.
import { call, to } from "./api.js";
import { h, icon } from "./dom.js";
import { named } from "./names.js";
import { words } from "./words.js";

const WAIT = 150; // milliseconds after the last key
const FOUND = 6; // of each kind
const text = words.palette;

const PAGES = [
  { label: text.newConversation, icon: "plus", href: "/" },
  { label: text.conversations, icon: "message-circle", href: "/#find" },
  { label: text.unread, icon: "bell", href: "/?show=unread" },
  { label: text.tasks, icon: "list-checks", href: "/tasks/" },
  { label: text.timeline, icon: "activity", href: "/tasks/?view=timeline" },
  { label: text.failed, icon: "circle-x", href: "/tasks/?phase=failed" },
  { label: text.waiting, icon: "message-circle-question-mark", href: "/tasks/?phase=waiting_input" },
  { label: text.calendar, icon: "calendar", href: "/calendar/" },
  { label: text.insights, icon: "chart-column", href: "/insights/" },
  { label: text.agents, icon: "bot", href: "/agents/" },
  { label: text.settings, icon: "settings", href: "/settings/" },
  { label: text.light, icon: "sun", act: () => theme("light") },
  { label: text.dark, icon: "moon", act: () => theme("dark") },
  { label: text.system, icon: "monitor", act: () => theme("") },
];

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  try {
    if (name) localStorage.setItem("theme", name);
    else localStorage.removeItem("theme");
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}

/** What the page itself offers: its visible buttons that are marked so. */
const actsHere = () => [...document.querySelectorAll("#acts > .button:not([hidden], [aria-haspopup])")].map((button) => ({ label: button.textContent || button.title, icon: "square", hint: text.here, act: () => button.click() }));

let agents = null;
const load = {
  async conversations(typed, options) {
    const query = new URLSearchParams({ limit: FOUND, ...(typed ? { q: typed } : {}) });
    const { items } = await call("GET", `/conversations?${query}`, undefined, options);
    return items.map(({ id, title }) => ({ label: named(title), icon: "message-circle", href: to`/conversations/${id}/` }));
  },
  async tasks(typed, options) {
    if (!typed) return [];
    const { items } = await call("GET", `/tasks?${new URLSearchParams({ limit: FOUND, q: typed })}`, undefined, options);
    return items.map(({ id, title, phase }) => ({ label: named(title), hint: words.phases[phase], icon: "list-checks", href: to`/tasks/${id}/` }));
  },
  async agents(typed) {
    agents ??= (await call("GET", "/agents?limit=200")).items.filter((agent) => agent.enabled);
    const wanted = typed.toLowerCase();
    const fits = typed ? agents.filter((agent) => `${agent.display_name} ${agent.name}`.toLowerCase().includes(wanted)) : [];
    return fits.slice(0, FOUND).map((agent) => ({ label: text.ask(agent.display_name || agent.name), icon: "bot", href: `/?${new URLSearchParams({ agent: agent.name })}` }));
  },
};

/** Open it, unless it is open. */
export function openPalette() {
  if (document.getElementById("palette")) return;
  const field = h("input.field", { type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: 200, "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", "aria-label": text.label, placeholder: text.placeholder });
  const list = h("div.palette-list", { id: "palette-list", role: "listbox", "aria-label": text.label });
  const told = h("p.sr", { role: "status" });
  const dialog = h("dialog.palette", { id: "palette", "aria-label": text.label }, field, list, told);
  let entries = [];
  let at = 0;
  let timer = 0;
  let asking = null;
  let looking = Promise.resolve();

  function close() {
    clearTimeout(timer);
    asking?.abort();
    dialog.close();
  }

  function choose(entry) {
    if (!entry) return;
    close();
    if (entry.act) entry.act();
    else location.assign(entry.href);
  }

  function mark() {
    [...list.querySelectorAll('[role="option"]')].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === at));
      if (index === at) option.scrollIntoView({ block: "nearest" });
    });
    if (entries.length) field.setAttribute("aria-activedescendant", `palette-${at}`);
    else field.removeAttribute("aria-activedescendant");
  }

  function show(groups) {
    entries = groups.flatMap(([, found]) => found);
    at = 0;
    let index = -1;
    list.replaceChildren(...groups.filter(([, found]) => found.length).map(([name, found]) => h("div", { role: "group", "aria-label": name }, h("div.palette-head", { "aria-hidden": "true" }, name), found.map((entry) => {
      index += 1;
      return h("div.palette-entry", { id: `palette-${index}`, role: "option", onclick: () => choose(entry) }, icon(entry.icon), h("span.grow.clip", null, entry.label), entry.hint ? h("span.quiet.small", null, entry.hint) : null);
    }))));
    if (!entries.length) list.replaceChildren(h("p.quiet.small.palette-none", null, text.nothing));
    told.textContent = text.found(entries.length);
    mark();
  }

  async function look() {
    clearTimeout(timer);
    timer = 0;
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const typed = field.value.trim();
    const wanted = typed.toLowerCase();
    const fixed = [...actsHere(), ...PAGES].filter((entry) => !typed || entry.label.toLowerCase().includes(wanted));
    const found = { conversations: [], tasks: [], agents: [] };
    const draw = () => show([[text.goTo, typed ? fixed : []], [text.conversationsFound, found.conversations], [text.tasksFound, found.tasks], [text.agentsFound, found.agents], [text.goTo, typed ? [] : fixed]]);
    await Promise.all(Object.entries(load).map(async ([kind, ask]) => {
      // What cannot be asked now is left out: the pages are always there.
      found[kind] = await ask(typed, { signal }).catch(() => []);
    }));
    if (!signal.aborted) draw();
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { looking = look(); }, WAIT);
  });
  field.addEventListener("keydown", async (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && entries.length) at = (at + step + entries.length) % entries.length;
    else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      // Who types fast and presses Enter means what was typed last, not what is shown from before.
      if (timer) looking = look();
      await looking;
      choose(entries[at]);
      return;
    } else return;
    event.preventDefault();
    mark();
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  show([[text.goTo, PAGES]]);
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
  looking = look();
}
