// A run's page: its result rendered, and kept live while it goes on.
import { upgradeMarkdown } from "../conversations/markdown.js";
import { keepLive } from "../site/live_page.js";

upgradeMarkdown();
const { run } = document.getElementById("run").dataset;
keepLive({ kinds: ["run_changed"], concerns: (object) => object.id === run });
