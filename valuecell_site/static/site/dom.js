// Building elements without markup strings: text is always text, so nothing that an agent sends can become an element.
const SVG = "http://www.w3.org/2000/svg";
const sprite = new URL("./icons.svg", import.meta.url).pathname;

/**
 * Make an element. `h("a.button", {href: "/", onclick: f}, "text", child, null)`.
 * Attributes whose value is null, undefined or false are left out; children that are null or false too.
 */
export function h(spec, attributes, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className += ` ${value}`;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The same for SVG. */
export function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** One icon of the sprite, hidden from screen readers: it stands beside a word or in a labelled button. */
export function icon(name, className = "i") {
  const svg = s("svg", { class: className, "aria-hidden": "true" });
  svg.append(s("use", { href: `${sprite}#${name}` }));
  return svg;
}

/** A button with an icon and a word, or (bare) an icon alone with its label. */
export function button(word, iconName, onclick, { kind = "", bare = false } = {}) {
  const label = bare ? { "aria-label": word, title: word } : {};
  return h("button.button", { type: "button", class: bare ? `bare ${kind}` : kind, onclick, ...label }, icon(iconName), bare ? null : word);
}

/** The embedded JSON of `<script type="application/json" id=…>`, or `fallback` where the page has none. */
export function embedded(id, fallback = null) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : fallback;
}

/** The letter and colour that stand for a speaker, the same everywhere (`[data-face]` of templates is painted with it). */
export function face(name, className = "") {
  const text = name || "?";
  let sum = 0;
  for (const character of text) sum = (sum * 16 + character.codePointAt(0)) % 9973;
  return h("span.face", { class: `f${sum % 5} ${className}`, "aria-hidden": "true" }, [...text][0].toUpperCase());
}
