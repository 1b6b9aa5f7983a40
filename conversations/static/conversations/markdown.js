// Markdown to elements: parsed by markdown-it (no HTML), cleaned by DOMPurify, links made safe. Growing text is rendered
// block by block: a block that another one has followed is never touched again, so the cost stays linear in the text.
import "../site/vendor/markdown-it.umd.min.js";
import "../site/vendor/purify.min.js";
import { h, icon } from "../site/dom.js";
import { words } from "../site/words.js";

const LONGEST_BLOCK = 100_000; // characters; a longer block is shown as plain text, so that no text can hang the page
const NEAR_END = 40; // pixels from its end within which the box of a long text follows what comes
const PIECE = 20_000; // characters: paragraphs of a longer text are parsed together up to about this
const markdown = globalThis.markdownit({ html: false, linkify: true, breaks: false });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

// Alignment as a class: a style attribute would be refused by the page's policy.
for (const rule of ["th_open", "td_open"]) {
  markdown.renderer.rules[rule] = (tokens, index, options, env, self) => {
    const style = tokens[index].attrGet("style") ?? "";
    tokens[index].attrs = null;
    if (style.endsWith("right")) tokens[index].attrSet("class", "right");
    if (style.endsWith("center")) tokens[index].attrSet("class", "center");
    return self.renderToken(tokens, index, options);
  };
}

const CLEAN = {
  ALLOWED_TAGS: ["a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"],
  ALLOWED_ATTR: ["alt", "class", "href", "src", "start", "title"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
const SAFE_CLASS = /^(right|center|language-[\w+#.-]{1,40})$/;
const SAFE_LINK = /^(https?:|mailto:)/i;
const SAFE_IMAGE = /^data:image\/(png|jpe?g|gif|webp);/i;

/** Markdown text as a fragment that is safe to show. */
export function render(text) {
  if (text.length > LONGEST_BLOCK) return inPieces(text);
  const fragment = globalThis.DOMPurify.sanitize(markdown.render(text), CLEAN);
  for (const element of fragment.querySelectorAll("[class]")) {
    if (!SAFE_CLASS.test(element.className)) element.removeAttribute("class");
  }
  for (const link of fragment.querySelectorAll("a")) {
    if (SAFE_LINK.test(link.getAttribute("href") ?? "")) {
      link.target = "_blank";
      link.rel = "noopener noreferrer nofollow";
    } else link.replaceWith(...link.childNodes);
  }
  for (const image of fragment.querySelectorAll("img")) limitImage(image);
  for (const table of fragment.querySelectorAll("table")) {
    const box = h("div.table", { tabindex: "0", role: "region", "aria-label": words.showTable });
    table.replaceWith(box);
    box.append(table);
  }
  for (const block of fragment.querySelectorAll("pre")) {
    const box = h("div.code");
    block.replaceWith(box);
    block.tabIndex = 0;
    box.append(block, copyButton(() => block.textContent));
  }
  return fragment;
}

// An image from elsewhere would tell its host who reads this and when: it is a link instead.
function limitImage(image) {
  const source = image.getAttribute("src") ?? "";
  if (SAFE_IMAGE.test(source)) {
    image.loading = "lazy";
    return;
  }
  const label = image.alt || words.image;
  if (image.closest("a") || !SAFE_LINK.test(source)) image.replaceWith(label);
  else image.replaceWith(h("a", { href: source, target: "_blank", rel: "noopener noreferrer nofollow" }, label));
}

// What is too long to be parsed at once is parsed by its paragraphs; one that alone is too long is shown as it came.
function inPieces(text) {
  const fragment = document.createDocumentFragment();
  const cuts = paragraphStarts(text);
  cuts.forEach((cut, at) => {
    const piece = text.slice(cut, cuts[at + 1]);
    fragment.append(piece.length > LONGEST_BLOCK ? plain(piece) : render(piece));
  });
  return fragment;
}

function plain(text) {
  const fragment = document.createDocumentFragment();
  fragment.append(h("p.quiet.small", null, words.long), h("pre.block", { tabindex: "0" }, text));
  return fragment;
}

/** A text that grows and is too long for Markdown: the box of its plain text, which follows its end until it is scrolled. */
class GrowingPlain {
  constructor(part) {
    part.replaceChildren(plain(""));
    this.box = part.querySelector("pre");
    this.length = 0;
    this.followed = false;
  }

  /** Show `text`, which begins with what is shown already: only what is new is added, so the cost stays linear. */
  show(text, follow) {
    const { box } = this;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    box.append(text.slice(this.length));
    this.length = text.length;
    // The first words that come while it is watched lead to the end, also in a page that was opened in mid-stream.
    if (!follow || (this.followed && !atEnd)) return;
    this.followed = true;
    box.scrollTop = box.scrollHeight;
  }
}

/** A button that copies what `text()` gives. */
export function copyButton(text) {
  const button = h("button.button.bare", { type: "button", "aria-label": words.copy, title: words.copy }, icon("copy"));
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text());
    button.replaceChildren(icon("check"));
    button.setAttribute("aria-label", words.copied);
    setTimeout(() => { button.replaceChildren(icon("copy")); button.setAttribute("aria-label", words.copy); }, 1500);
  });
  return button;
}

/** A finished text in its element. */
export function prose(text) {
  const element = h("div.prose");
  element.append(h("div.part", null, render(text)));
  return element;
}

/**
 * A text that grows. `element` shows it; `append(text)` adds to it; `set(text)` replaces it; `finish()` settles it.
 * `onblock(element)` hears of each block that will not change any more (for the screen reader's live region).
 */
export class GrowingProse {
  constructor({ onblock = () => {} } = {}) {
    this.element = h("div.prose");
    this.onblock = onblock;
    this.tail = ""; // the source of the last part, which may still change
    this.part = null;
    this.long = null; // how the last part is shown while it is too long for Markdown
    this.timer = 0;
    this.cost = 0; // milliseconds that the last rendering took: the next waits some times as long
    this.live = false;
  }

  set(text) {
    cancelAnimationFrame(this.timer);
    clearTimeout(this.timer);
    this.timer = 0;
    this.element.replaceChildren();
    this.part = this.long = null;
    this.tail = text;
    this.draw(false);
  }

  append(text) {
    this.tail += text;
    this.live = true;
    this.element.classList.add("live");
    if (this.timer) return;
    const draw = () => { this.timer = 0; this.draw(true); };
    // A frame's wait at least, and never more than a fifth of the time spent drawing.
    this.timer = this.cost > 8 ? setTimeout(draw, Math.min(2000, this.cost * 4)) : requestAnimationFrame(draw);
    if (document.hidden) {
      // No frames come while the page is hidden, but its title and live region still should follow.
      cancelAnimationFrame(this.timer);
      this.timer = setTimeout(draw, 500);
    }
  }

  finish() {
    this.element.classList.remove("live");
    if (this.live) {
      this.live = false;
      cancelAnimationFrame(this.timer);
      clearTimeout(this.timer);
      this.timer = 0;
      this.draw(false);
    }
    if (this.part) this.onblock(this.part);
  }

  draw(growing) {
    const began = performance.now();
    const cuts = this.tail.length > LONGEST_BLOCK ? paragraphStarts(this.tail) : growing ? blockStarts(this.tail) : [0];
    let from = 0;
    for (const cut of cuts.slice(1)) {
      this.show(this.tail.slice(from, cut));
      if (this.part) this.onblock(this.part);
      this.part = this.long = null;
      from = cut;
    }
    this.tail = this.tail.slice(from);
    this.show(growing && this.tail.length <= LONGEST_BLOCK ? mend(this.tail) : this.tail);
    this.cost = performance.now() - began;
  }

  show(text) {
    if (!text.trim()) return;
    this.part ??= this.element.appendChild(h("div.part"));
    if (text.length > LONGEST_BLOCK) {
      this.long ??= new GrowingPlain(this.part);
      this.long.show(text, this.live);
    } else this.part.replaceChildren(render(text));
  }
}

/** Offsets at which the top-level blocks of a text begin; the first is 0. */
export function blockStarts(text) {
  const lines = [0];
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) lines.push(i + 1);
  const starts = [0];
  for (const token of markdown.parse(text, {})) {
    if (token.level === 0 && token.nesting >= 0 && token.map && token.map[0] > 0 && token.type !== "inline") starts.push(lines[token.map[0]]);
  }
  return [...new Set(starts)];
}

/** Offsets of paragraphs at which a text that is too long to be parsed at once may be cut: not within a fence or a list. */
export function paragraphStarts(text) {
  const starts = [0];
  let fence = "";
  let blank = false;
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const next = end < 0 ? text.length : end + 1;
    const head = text.slice(from, Math.min(next, from + 80));
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(head)?.[1] ?? "";
    if (blank && !fence && /^[^\s\-*+\d>|]/.test(head) && from - starts.at(-1) > PIECE) starts.push(from);
    if (!fence) fence = mark;
    else if (mark.startsWith(fence)) fence = "";
    blank = !head.trim();
    from = next;
  }
  return starts;
}

const MEND_WINDOW = 4000; // only the end of a text can be half open; a bound keeps the patterns below cheap

/** Close what is still open at the end of a growing text, so that `**bo` is bold at once and `[a](http` no bracket soup. */
export function mend(text) {
  const fences = text.match(/^[ \t]{0,3}(```|~~~)/gm) ?? [];
  if (fences.length % 2) return text;
  const start = Math.max(text.lastIndexOf("\n\n") + 1, text.length - MEND_WINDOW, 0);
  const rest = text.slice(0, start);
  let last = text.slice(start);
  // A table's first line is a paragraph until its second has come: wait for it.
  if (/^\s*\|[^\n]*(\n[ \t|:-]*)?$/.test(last)) return rest;
  if ((last.match(/(?<!\\)`/g) ?? []).length % 2) last += "`";
  last = last.replace(/!?\[([^\][\n]*)(\]\([^)\n]*|\]?)$/, "$1");
  // A marker that has nothing behind it yet says nothing yet.
  last = last.replace(/(^|\s)[*_~]{1,3}$/, "$1");
  const bare = last.replace(/`[^`]*`/g, "").replace(/^[ \t]*\*[ \t]/gm, "");
  if ((bare.match(/(?<!\\)\*\*/g) ?? []).length % 2) return `${rest}${last.trimEnd().replace(/(?<!\*)\*$/, "")}**`;
  if ((bare.replace(/\*\*/g, "").match(/(?<!\\)\*/g) ?? []).length % 2) return `${rest}${last.trimEnd()}*`;
  return rest + last;
}

/** Render every `[data-markdown]` of a server's page: its text content is the source. */
export function upgradeMarkdown(root = document) {
  for (const element of root.querySelectorAll("[data-markdown]")) {
    const text = element.textContent;
    element.classList.add("prose");
    element.removeAttribute("data-markdown");
    element.replaceChildren(h("div.part", null, render(text)));
  }
}
