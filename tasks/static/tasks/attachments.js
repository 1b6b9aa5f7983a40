// Text files that go with a request: chosen, dropped or pasted, read here, and sent as part of its text.
import { h, icon } from "../site/dom.js";
import { words } from "../site/words.js";

const LARGEST = 200_000; // bytes; the request as a whole holds far less, so more need not be read
const MOST = 8;
const LONGEST_FENCE = 60; // backticks; a text with more of them in a row is no text that a person sends

/** A request with its files below it, each in a fence that nothing in it can close. */
export function withFiles(text, files) {
  const blocks = files.map(({ name, text: content }) => {
    const longest = Math.max(2, ...(content.match(/`{3,}/g) ?? []).map((run) => run.length));
    const fence = "`".repeat(Math.min(longest + 1, LONGEST_FENCE));
    return `${words.fileHead(name)}\n${fence}\n${content.replace(/\n$/, "")}\n${fence}`;
  });
  return [text, ...blocks].filter(Boolean).join("\n\n");
}

/** The file's text; throws an Error that says what is wrong with it. */
export async function readText(file) {
  if (file.size > LARGEST) throw new Error(words.fileTooLarge(file.name, LARGEST));
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (!text.includes("\0")) return text.replaceAll("\r\n", "\n");
  } catch {
    // Said below.
  }
  throw new Error(words.fileNotText(file.name));
}

/** The files of a composer. `onchange()` hears of each change, `say(text)` shows what is wrong. */
export class Attachments {
  constructor({ form, slot, button, files = [], allowed, onchange, say }) {
    this.files = files;
    this.slot = slot;
    this.allowed = allowed;
    this.onchange = onchange;
    this.say = say;
    this.field = h("input", { type: "file", multiple: true, hidden: true, "aria-label": words.attach });
    button.after(this.field);
    button.addEventListener("click", () => this.field.click());
    this.field.addEventListener("change", () => { this.add([...this.field.files]); this.field.value = ""; });
    form.addEventListener("dragover", (event) => { if (carriesFiles(event.dataTransfer)) event.preventDefault(); });
    form.addEventListener("drop", (event) => this.take(event, event.dataTransfer));
    form.addEventListener("paste", (event) => this.take(event, event.clipboardData));
    this.draw();
  }

  take(event, data) {
    // What is copied from a document comes as text and as a picture of it: then the text is meant.
    if (!carriesFiles(data) || data.types.includes("text/plain")) return;
    event.preventDefault();
    this.add([...data.files]);
  }

  async add(chosen) {
    if (!this.allowed()) return;
    this.say("");
    for (const file of chosen) {
      try {
        if (this.files.length >= MOST) throw new Error(words.tooManyFiles(MOST));
        this.files.push({ name: file.name, text: await readText(file) });
      } catch (error) {
        this.say(error.message);
      }
    }
    this.changed();
  }

  changed() {
    this.draw();
    this.onchange();
  }

  clear() {
    this.files = [];
    this.draw();
  }

  draw() {
    this.slot.replaceChildren(...this.files.map((file) => h("span.chip.on.file-chip", null, icon("file-text"), h("span.clip", null, file.name),
      h("button.button.bare.small", { type: "button", "aria-label": words.removeFile(file.name), title: words.removeFile(file.name), onclick: () => { this.files.splice(this.files.indexOf(file), 1); this.changed(); } }, icon("x")))));
  }
}

const carriesFiles = (data) => Boolean(data?.types.includes("Files"));
