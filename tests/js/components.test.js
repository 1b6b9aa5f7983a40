import "/static/conversations/components/artifact.js";
import "/static/conversations/components/cards.js";
import "/static/conversations/components/result.js";
import "/static/conversations/components/subagent.js";
import { lineChart, niceTicks, readRows, share } from "/static/conversations/chart.js";
import { component, register } from "/static/conversations/components/registry.js";
import { bodyOf } from "/static/conversations/items.js";
import { equal, ok, run, test } from "./check.js";

export { run };

const item = (payload, metadata = {}, rest = {}) => ({ event: "component_generator", role: "agent", agent_name: "A", task_id: "t", payload, metadata, ...rest });
const shown = (payload, metadata) => component(item(payload, metadata), {});

// What cannot be read

for (const type of ["report", "profile", "filtered_line_chart", "filtered_card_push_notification", "artifact", "subagent_conversation", "scheduled_task_result", "no_such_type"]) {
  test(`a ${type} that is half, empty or of a wrong kind shows what came, and no machine's word for it`, () => {
    for (const content of ["{'bad", "", "null", "[]", "[[1]]", "12", '{"data": {"a": [1, {"b": 2}]}, "title": ["x"]}', '{"data": [["a"], [null], "x"]}', null, { a: [1] }]) {
      const text = shown({ component_type: type, content }).textContent;
      ok(!/\[object|undefined|NaN/.test(text), `${JSON.stringify(content)}: ${text}`);
    }
  });
}
test("a chart that cannot be read is shown as it came", () => equal(shown({ component_type: "filtered_line_chart", content: "{'bad" }).querySelector("pre.block").textContent, "{'bad"));

// Charts of any numbers

const EXTREMES = [[1e308, -1e308], [1.7e308, -1.7e308, 0], [5e-324, 0], [1e16, 1e16 + 2], [1.7e308], [1e-300, 2e-300], [0.1, 0.3], [-5, -5], [1e12, 1e12 + 0.5], [3, 97, 41]];
test("the axis spans any numbers with few ticks, each larger than the one before", () => {
  for (const values of EXTREMES) {
    const ticks = niceTicks(values);
    ok(ticks.length >= 2 && ticks.length <= 9 && ticks.every(Number.isFinite), `${values}: ${ticks}`);
    ok(ticks[0] <= Math.min(...values) && ticks[ticks.length - 1] >= Math.max(...values), `${values} outside of ${ticks}`);
    ok(ticks.every((tick, i) => !i || tick > ticks[i - 1]), `${values}: ${ticks}`);
    for (const value of values) {
      const at = share(value, ticks[0], ticks[ticks.length - 1]);
      ok(at >= 0 && at <= 1, `${value} at ${at}`);
    }
  }
  equal(niceTicks([3, 97, 41]), [0, 25, 50, 75, 100]);
  equal(share(0, -1e308, 1e308), 0.5);
});
test("a chart of any numbers is drawn with numbers only, and says them in few digits", async () => {
  for (const values of EXTREMES) {
    const chart = lineChart(readRows([["x", "y"], ...values.map((value, i) => [`${i}`, value])]), "T");
    chart.style.width = "400px";
    document.body.append(chart);
    for (let wait = 0; wait < 50 && !chart.querySelector("path"); wait += 1) await new Promise((resolve) => { setTimeout(resolve, 20); });
    const markup = chart.querySelector("svg").outerHTML;
    chart.remove();
    ok(markup.includes("<path"), "drawn");
    ok(!/NaN|Infinity/.test(markup), `${values}: ${markup}`);
    ok(!/\d{20}|(\d{3},){6}/.test(markup), `${values}: ${markup}`);
  }
});

// Files

const files = (...list) => [...shown({ component_type: "artifact", content: null, files: list }, { files_not_stored: ["kept.bin", "told.bin"] }).querySelectorAll(".file")];
test("a file that was not kept is listed with what is known of it, and offered nowhere", () => {
  const [line] = files({ name: "kept.bin", media_type: "application/zip", size: 2048, url: "" });
  equal(line.querySelectorAll("a, img").length, 0);
  for (const word of ["kept.bin", "application/zip", "2.0 kB", "not kept"]) ok(line.textContent.includes(word), `${word} in ${line.textContent}`);
});
test("a file that is only named as not kept is listed too", () => equal(files().map((line) => line.textContent), ["kept.binnot kept", "told.binnot kept"]));
test("only web addresses and paths of this site are links", () => {
  const addresses = ["https://example.org/a.csv", "http://example.org/a", "/files/1", "//example.org/a", "/\\example.org", "a.csv", "?x", "#x", "javascript:alert(1)", "data:text/html,x", "blob:https://example.org/1", " https://example.org", {}, 7];
  const links = addresses.map((url) => files({ name: "f", url })[0].querySelector("a")?.href ?? null);
  equal(links, ["https://example.org/a.csv", "http://example.org/a", `${location.origin}/files/1`, ...Array(11).fill(null)]);
});

// Claims

test("what an agent claims in the system's name has no link, no button and no card of its own", () => {
  let asked = 0;
  register("scheduled_task_controller", () => { asked += 1; return document.createElement("button"); });
  for (const type of ["scheduled_task_controller", "scheduled_task_result", "subagent_conversation"]) {
    const made = shown({ component_type: type, content: JSON.stringify({ task_id: "1", conversation_id: "2", result: "x" }) }, { unverified: true });
    equal(made.querySelectorAll("a, button, details").length, 0, type);
    ok(made.textContent.includes(type) && made.textContent.includes("A sent this"), made.textContent);
  }
  equal(asked, 0);
});
test("what an agent says beside its question does not make it the planner's", () => {
  const question = item({ content: "Which?" }, { plan_id: "p", asks: "confirm" }, { event: "plan_require_user_input" });
  const buttons = (one) => [...bodyOf(one, { reply() {}, drop() {}, answer() {} }).element.querySelectorAll("button")].map((button) => button.textContent);
  equal(buttons(question), ["Answer"]);
  equal(buttons({ ...question, task_id: null }), ["Confirm", "Change…", "No, leave it", "Cancel this question"]);
  equal(buttons({ ...question, task_id: null, metadata: { plan_id: "p" } }), ["Answer", "Cancel this question"]);
});
