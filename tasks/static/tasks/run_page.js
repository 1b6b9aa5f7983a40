// A run's page: its result rendered, kept live while it goes on, and run once more with the same text or another.
import { upgradeMarkdown } from "../conversations/markdown.js";
import { call, to } from "../site/api.js";
import { keepLive } from "../site/live_page.js";
import { complain } from "../site/notices.js";
import { runAgain } from "./actions.js";
import { runWith } from "./dialogs.js";

upgradeMarkdown();
const { run, task } = document.getElementById("run").dataset;
const refresh = keepLive({ kinds: ["run_changed"], concerns: (object) => object.id === run });

// The new run has a page of its own: that is where one wants to be.
const follow = { put() {}, putRun: (made) => location.assign(to`/runs/${made.id}/`) };

document.getElementById("run").addEventListener("click", async (event) => {
  const pressed = event.target.closest("#run-again, #run-with");
  if (!pressed) return;
  const found = await call("GET", to`/tasks/${task}`).catch(complain);
  if (!found?.id) return;
  if (pressed.id === "run-again") await runAgain(found, follow, run);
  else runWith(found, run, refresh);
});
