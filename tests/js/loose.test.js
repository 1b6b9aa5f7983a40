import { createTime, looseObject, looseParse } from "/static/conversations/loose.js";
import { equal, run, test } from "./check.js";

export { run };

test("JSON is read as JSON", () => equal(looseParse('[1, {"a": null}]'), [1, { a: null }]));
test("rows in single quotes are read, as some agents write them", () => equal(looseParse("[['date', 'AAPL'], ['2026-01-01', 1.5]]"), [["date", "AAPL"], ["2026-01-01", 1.5]]));
test("Python's names are read", () => equal(looseParse("{'a': None, 'b': True, 'c': nan}"), { a: null, b: true, c: null }));
test("what is cut off gives what came before the cut", () => {
  equal(looseObject('{"title": "T", "data": "half a te'), { title: "T", data: "half a te" });
  equal(looseObject('{"title": "T", "rows": [[1, 2], [3'), { title: "T", rows: [[1, 2], [3]] });
  equal(looseObject('{"title": "T", "da'), { title: "T" });
});
test("escapes are undone", () => equal(looseParse("'a\\n\\u00e4\\''"), "a\nä'"));
test("plain text is not JSON", () => equal([looseParse("hello {x}"), looseParse(""), looseObject("[1]")], [undefined, undefined, null]));
test("a key that means a prototype is data only", () => {
  const value = looseParse("{'__proto__': {'polluted': 1}, 'a': 1}");
  equal([{}.polluted === undefined, value.a], [true, 1]);
});
test("a nest without end is refused, not a stack overflow", () => equal(looseParse(`'${""}'`) === "" && looseParse("[".repeat(100000)), undefined));
test("create_time is UTC", () => equal([createTime("2026-11-25 01:02:03"), createTime("soon")], ["2026-11-25T01:02:03Z", null]));
