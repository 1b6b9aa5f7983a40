// A menu that opens beside its button: arrow keys, Home, End, Escape, typing a name; the focus goes back where it was.
import { h, icon } from "./dom.js";

const TYPING_PAUSE = 800; // milliseconds after which a letter begins another name

/**
 * Open a menu under (or over) `anchor`. Each entry: {label, hint?, icon?, href?, checked?, danger?, act?}.
 * Returns a function that closes it.
 */
export function openMenu(anchor, entries) {
  const radio = entries.some((entry) => entry.checked !== undefined);
  const items = entries.map((entry) => {
    const role = radio ? "menuitemradio" : "menuitem";
    const inner = [entry.icon ? icon(entry.icon) : null, entry.lead ?? null, h("span.grow", null, h("b", null, entry.label), entry.hint ? h("span", null, entry.hint) : null)];
    const attributes = { role, tabindex: "-1", class: entry.danger ? "danger" : "", "aria-checked": radio ? String(Boolean(entry.checked)) : null };
    if (entry.href) return h("a", { ...attributes, href: entry.href, onclick: () => close(false) }, inner);
    return h("button", { ...attributes, type: "button", onclick: () => { close(); entry.act(); } }, inner);
  });
  const menu = h("div.menu", { role: "menu", popover: "manual" }, items);
  // Within the landmark that its button stands in, so that readers know where they are.
  (anchor.closest("dialog, main, nav, aside") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor);
  anchor.setAttribute("aria-expanded", "true");
  const labels = entries.map((entry) => String(entry.label).toLowerCase());
  let typed = "";
  let typedAt = 0;
  const away = (event) => { if (!menu.contains(event.target) && !anchor.contains(event.target)) close(false); };
  const keys = (event) => {
    const at = items.indexOf(document.activeElement);
    const go = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (go !== undefined) {
      event.preventDefault();
      items[(go + items.length) % items.length].focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      close();
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.timeStamp - typedAt > TYPING_PAUSE) typed = "";
      // A space presses an entry, unless it stands within a name that is being typed.
      if (event.key === " " && !typed) return;
      event.preventDefault();
      typedAt = event.timeStamp;
      typed += event.key.toLowerCase();
      items[search(labels, typed, at)]?.focus();
    }
  };
  function close(refocus = true) {
    document.removeEventListener("pointerdown", away, true);
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    if (refocus) anchor.focus();
  }
  document.addEventListener("pointerdown", away, true);
  menu.addEventListener("keydown", keys);
  (items.find((item) => item.getAttribute("aria-checked") === "true") ?? items[0])?.focus();
  return close;
}

/** Where a name that is typed leads from `at`: -1 for nowhere. One letter again and again goes from match to match. */
export function search(labels, typed, at) {
  const again = [...typed].every((letter) => letter === typed[0]) && !(typed[1] && labels.some((label) => label.startsWith(typed)));
  const wanted = again ? typed[0] : typed;
  const from = again ? at + 1 : Math.max(0, at);
  const order = labels.map((_label, step) => (from + step) % labels.length);
  return order.find((index) => labels[index].startsWith(wanted)) ?? -1;
}

function place(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const gap = 6;
  const below = innerHeight - at.bottom;
  const left = Math.min(Math.max(8, at.left), innerWidth - menu.offsetWidth - 8);
  menu.style.left = `${Math.max(8, left)}px`;
  if (below > menu.offsetHeight + gap || below > at.top) menu.style.top = `${at.bottom + gap}px`;
  else menu.style.top = `${Math.max(8, at.top - menu.offsetHeight - gap)}px`;
}
