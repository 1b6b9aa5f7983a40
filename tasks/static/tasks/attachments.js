// Files that go with a request: chosen, dropped or pasted, and read here. Text becomes part of the request's own; a
// picture goes to an agent that takes its kind.
import { h, icon } from "../site/dom.js";
import { words } from "../site/words.js";

const LARGEST = 200_000; // bytes; the request as a whole holds far less, so more need not be read
const MOST = 8;
const LONGEST_FENCE = 60; // backticks; a text with more of them in a row is no text that a person sends

const PICTURE = /^image\/(png|jpeg|gif|webp)$/;
const PICTURES = { most: 4, bytes: 1_000_000 }; // as the server takes them (tasks/schemas/files.py)

/** Whether `agent` takes files of this type; what may come from its card is what its card says. */
export function takes(agent, type) {
  const modes = agent?.input_modes ?? [];
  return [type, `${type.split("/")[0]}/*`, "*/*", "*"].some((mode) => modes.includes(mode));
}

/** A request with its text files below it, each in a fence that nothing in it can close. */
export function withFiles(text, files) {
  const blocks = files.filter((file) => file.data === undefined).map(({ name, text: content }) => {
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

/** The pictures among the files, as the API takes them. */
export const picturesOf = (files) => files.filter((file) => file.data !== undefined).map(({ name, media_type, data }) => ({ name, media_type, data }));

async function readPicture(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return { name: file.name, media_type: file.type, size: file.size, data: btoa(binary) };
}

/** The files of a composer. `onchange()` hears of each change, `say(text)` shows what is wrong. */
export class Attachments {
  /** `allowed()` says whether one may be added now, `agent()` who shall get it (null: nobody is chosen). */
  constructor({ form, slot, button, files = [], allowed, agent, onchange, say }) {
    this.files = files;
    this.slot = slot;
    this.allowed = allowed;
    this.agent = agent;
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
        this.files.push(PICTURE.test(file.type) ? await this.picture(file) : { name: file.name, text: await readText(file) });
      } catch (error) {
        this.say(error.message);
      }
    }
    this.changed();
  }

  /** Read a picture, where the chosen agent takes it and there is room for it; else throws an Error. */
  picture(file) {
    const agent = this.agent();
    if (!agent) throw new Error(words.pictureForWhom(file.name));
    if (!takes(agent, file.type)) throw new Error(words.pictureNotTaken(file.name, agent.display_name));
    const pictures = this.files.filter((one) => one.data !== undefined);
    if (pictures.length >= PICTURES.most) throw new Error(words.tooManyFiles(PICTURES.most));
    if (pictures.reduce((sum, one) => sum + one.size, file.size) > PICTURES.bytes) throw new Error(words.picturesTooLarge(PICTURES.bytes));
    return readPicture(file);
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
    this.slot.replaceChildren(...this.files.map((file) => h("span.chip.on.file-chip", null, icon(file.data === undefined ? "file-text" : "image"), h("span.clip", null, file.name),
      h("button.button.bare.small", { type: "button", "aria-label": words.removeFile(file.name), title: words.removeFile(file.name), onclick: () => { this.files.splice(this.files.indexOf(file), 1); this.changed(); } }, icon("x")))));
  }
}

const carriesFiles = (data) => Boolean(data?.types.includes("Files"));
