// The agents: adding one by its address, switching one on and off (staff).
import { call, fieldText, newKey, to } from "../site/api.js";
import { h } from "../site/dom.js";
import { keepLive } from "../site/live_page.js";
import { complain, explain, toast } from "../site/notices.js";
import { words } from "../site/words.js";

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

const form = $("agent-form");
if (form) {
  const show = (open) => {
    form.hidden = !open;
    (open ? form.elements.url : $("add-agent")).focus();
  };
  $("add-agent").addEventListener("click", () => show(form.hidden));
  $("agent-cancel").addEventListener("click", () => show(false));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const add = form.querySelector(".primary");
    add.disabled = true;
    $("agent-wrong").textContent = "";
    try {
      const agent = await call("POST", "/agents", { url: form.elements.url.value.trim() }, { key: newKey() });
      toast(words.agentAdded(agent.display_name), { seconds: 5 });
      form.elements.url.value = "";
      show(false);
      await refresh();
    } catch (error) {
      $("agent-wrong").replaceChildren(fieldText(error, "url") || h("span", null, explain(error)));
    }
    add.disabled = false;
  });
}
