// What an agent made: text (growing while it is written), data, or files to download.
import { h, icon } from "../../site/dom.js";
import { words } from "../../site/words.js";
import { asText } from "../loose.js";
import { GrowingProse, copyButton } from "../markdown.js";
import { register } from "./registry.js";

const IMAGE = /^image\/(png|jpe?g|gif|webp)$/i;
const UNITS = ["B", "kB", "MB", "GB"];

function size(bytes) {
  if (!Number.isFinite(bytes)) return "";
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** A web address, or a path of this site from its root: anything else that an agent calls an address leads nowhere, or runs. */
function safe(url) {
  if (typeof url !== "string" || !/^(https?:\/\/|\/(?![\/\\]))/i.test(url)) return null;
  try {
    const address = new URL(url, location.href);
    return ["http:", "https:"].includes(address.protocol) ? address : null;
  } catch {
    return null;
  }
}

function file(one) {
  const name = asText(one.name) || words.artifact;
  const kept = Boolean(one.url);
  const url = kept ? safe(one.url) : null;
  const ours = url?.origin === location.origin;
  const link = url
    ? h("a.button.small", { href: url.href, download: ours ? name : null, target: ours ? null : "_blank", rel: "noopener noreferrer nofollow" }, icon("download"), words.download)
    : h("span.quiet.small", null, kept ? words.noAddress : words.notKept);
  const picture = ours && IMAGE.test(one.media_type ?? "") ? h("img", { src: url.href, alt: name, loading: "lazy" }) : null;
  const line = h("div.file", null, icon("paperclip"), h("span.grow.wrap", null, name), h("span.quiet.num", null, [asText(one.media_type), size(one.size)].filter(Boolean).join(" · ")), link);
  return picture ? h("div.prose", null, picture, line) : line;
}

function artifact(item) {
  const { name, media_type: type, content, data, files } = item.payload;
  const markdown = !type || /markdown|^text\/x-web-markdown/.test(type);
  const text = typeof content === "string" ? content : content === null || content === undefined ? null : asText(content);
  const header = h("header", null, icon("file-text"), h("span.grow", null, asText(name) || words.artifact), type ? h("span.tiny.quiet", null, type) : null);
  const element = h("section.card", null, header);
  if (text !== null) {
    if (markdown) {
      const growing = new GrowingProse();
      growing.set(text);
      element.append(growing.element);
      element.grow = (delta) => growing.append(delta);
      element.settle = () => growing.finish();
    } else {
      const block = h("pre.block", { tabindex: "0" }, text);
      element.append(block);
      element.grow = (delta) => block.append(delta);
    }
    header.append(copyButton(() => item.payload.content ?? ""));
  }
  if (data !== undefined && data !== null) element.append(h("pre.block", { tabindex: "0" }, asText(data)));
  const listed = (Array.isArray(files) ? files : []).filter((one) => one && typeof one === "object");
  // Of some the message may tell no more than that they were not kept.
  const lost = [item.payload.files_not_stored, item.metadata.files_not_stored].flat().filter((one) => typeof one === "string");
  const unlisted = [...new Set(lost)].filter((one) => !listed.some(({ name: known }) => known === one)).map((one) => ({ name: one }));
  element.append(...[...listed, ...unlisted].map(file));
  return element;
}

register("artifact", artifact);
