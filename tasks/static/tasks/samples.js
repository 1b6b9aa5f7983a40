// What the chosen agent can be asked, as its card says: sample requests that one press writes into the composer.
import { h } from "../site/dom.js";
import { words } from "../site/words.js";

/** Show the samples of `agent` (null: none) in `slot`; `take(text)` gets the one that was pressed. */
export function showSamples(slot, agent, take) {
  if (slot.dataset.agent === (agent?.name ?? "")) return;
  slot.dataset.agent = agent?.name ?? "";
  const prompts = agent?.prompts ?? [];
  slot.replaceChildren(...prompts.map((text) => h("button.chip", { type: "button", title: text, onclick: () => take(text) }, h("span.clip", null, text))));
  if (prompts.length) slot.setAttribute("aria-label", words.samplesOf(agent.display_name));
}
