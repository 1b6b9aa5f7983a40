// The agents: adding one by its address, switching one on and off (staff).
import { call, fieldText, newKey, to } from "../site/api.js";
import { h } from "../site/dom.js";
import { keepLive } from "../site/live_page.js";
import { complain, explain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { previewed } from "./agent_preview.js";

const $ = (name) => document.getElementById(name);
const refresh = keepLive({ kinds: [] });

document.querySelector('[data-live="agents"]').addEventListener("click", async (event) => {
  const button = event.target.closest("[data-agent]");
  if (!button) return;
  const enabled = button.dataset.enable === "yes";
  button.disabled = true;
  try {
    await call("PATCH", to`/agents/${button.dataset.agent}`, { enabled });
    toast(enabled ? words.enabled : words.disabled, { seconds: 5 });
    await refresh();
  } catch (error) {
    complain(error);
  }
  button.disabled = false;
});

// Adding one takes two steps: its card is read and shown, then it is added as it was shown.
const form = $("agent-form");
if (form) {
  const { url } = form.elements;
  const [wrong, shown, read] = [$("agent-wrong"), $("agent-preview"), $("agent-read")];
  const show = (open) => {
    form.hidden = !open;
    (open ? url : $("add-agent")).focus();
  };
  const forget = () => {
    shown.replaceChildren();
    wrong.textContent = "";
    read.hidden = false;
  };
  const refuse = (error) => {
    forget();
    wrong.replaceChildren(fieldText(error, "url") || h("span", null, explain(error)));
    url.focus();
  };

  /** Do what a button is for, once at a time; what was typed stays whatever comes of it. */
  const doing = async (work) => {
    const buttons = form.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    try {
      await work();
    } catch (error) {
      refuse(error);
    }
    buttons.forEach((button) => { button.disabled = false; });
  };

  const add = (preview, address, enabled) => doing(async () => {
    const agent = await call("POST", "/agents", { url: address, digest: preview.digest, enabled }, { key: newKey() });
    toast((enabled ? words.agentAdded : words.agentAddedOff)(agent.display_name), { seconds: 5 });
    forget();
    url.value = "";
    show(false);
    await refresh();
  });

  $("add-agent").addEventListener("click", () => show(form.hidden));
  $("agent-cancel").addEventListener("click", () => show(false));
  url.addEventListener("input", forget);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const address = url.value.trim();
    doing(async () => {
      forget();
      const preview = await call("POST", "/agent-previews", { url: address });
      read.hidden = true;
      shown.replaceChildren(previewed(preview, (enabled) => add(preview, address, enabled)));
      shown.querySelector("button:not([disabled])")?.focus();
    });
  });
}
