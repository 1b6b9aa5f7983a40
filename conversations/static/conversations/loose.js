// Reading what agents call JSON: often cut off, single-quoted like Python, or plain text. What can be read is read.

/** The value of a JSON text, mended where it must be; undefined when nothing in it is JSON. */
export function looseParse(text) {
  if (typeof text !== "string") return text ?? undefined;
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  try {
    return JSON.parse(trimmed);
  } catch {
    if (!/^[[{"']/.test(trimmed)) return undefined;
    try {
      return new Reader(trimmed).value();
    } catch {
      return undefined;
    }
  }
}

/** The same where only an object will do; its values are what could be read before the text ended. */
export function looseObject(text) {
  const value = looseParse(text);
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
}

const END = Symbol("the text ended");
const DEEPEST = 64;
const NAMES = { true: true, false: false, null: null, True: true, False: false, None: null, NaN: null, nan: null, Infinity: null };
const ESCAPES = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", 0: "\0" };

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  space() {
    while (this.at < this.text.length && /\s/.test(this.text[this.at])) this.at += 1;
    return this.text[this.at];
  }

  value(depth = 0) {
    if (depth > DEEPEST) throw new SyntaxError("too deep");
    const next = this.space();
    if (next === undefined) return END;
    if (next === "{") return this.object(depth);
    if (next === "[" || next === "(") return this.list(depth, next === "[" ? "]" : ")");
    if (next === '"' || next === "'") return this.string();
    const word = /[-+.\w]+/y;
    word.lastIndex = this.at;
    const found = word.exec(this.text)?.[0];
    if (!found) throw new SyntaxError(`unexpected ${next}`);
    this.at += found.length;
    if (found in NAMES) return NAMES[found];
    const number = Number(found);
    if (!Number.isNaN(number)) return number;
    if (this.at >= this.text.length) return END;
    throw new SyntaxError(`unexpected ${found}`);
  }

  string() {
    const quote = this.text[this.at];
    let out = "";
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const character = this.text[this.at];
      if (character === quote) {
        this.at += 1;
        return out;
      }
      if (character !== "\\") {
        out += character;
        continue;
      }
      this.at += 1;
      const escaped = this.text[this.at];
      if (escaped === "u") {
        const code = this.text.slice(this.at + 1, this.at + 5);
        if (/^[0-9a-fA-F]{4}$/.test(code)) {
          out += String.fromCharCode(parseInt(code, 16));
          this.at += 4;
        }
      } else if (escaped !== undefined) out += ESCAPES[escaped] ?? escaped;
    }
    return out;
  }

  list(depth, close) {
    const out = [];
    this.at += 1;
    for (;;) {
      const next = this.space();
      if (next === undefined) return out;
      if (next === close) {
        this.at += 1;
        return out;
      }
      if (next === ",") {
        this.at += 1;
        continue;
      }
      const value = this.value(depth + 1);
      if (value === END) return out;
      out.push(value);
    }
  }

  object(depth) {
    const out = {};
    this.at += 1;
    for (;;) {
      const next = this.space();
      if (next === undefined) return out;
      if (next === "}") {
        this.at += 1;
        return out;
      }
      if (next === ",") {
        this.at += 1;
        continue;
      }
      const key = this.value(depth + 1);
      if (key === END) return out;
      if (this.space() !== ":") return out;
      this.at += 1;
      const value = this.value(depth + 1);
      if (value === END) return out;
      // defineProperty: a key called __proto__ is data here, not a prototype.
      Object.defineProperty(out, String(key), { value, enumerable: true, configurable: true, writable: true });
    }
  }
}

/** Any value as text to show: strings as they are, the rest as indented JSON. */
export function asText(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** `create_time` ("YYYY-MM-DD HH:MM:SS", UTC) as ISO 8601, or null. */
export function createTime(text) {
  if (typeof text !== "string") return null;
  const found = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)/.exec(text);
  return found && !Number.isNaN(Date.parse(`${found[1]}T${found[2]}Z`)) ? `${found[1]}T${found[2]}Z` : null;
}
