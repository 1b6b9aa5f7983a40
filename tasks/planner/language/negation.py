"""Whether a sentence says that something shall stop, or shall not happen: its time is then nobody's wish to run it.

“Stop sending me the report every day at 9” names days and an hour as clearly as a schedule does. Where it is
not sure that something shall end (“stop the server every day at 9”), it counts as said against a run, since a question
costs less than a schedule that nobody wanted. What is only told (“remind me not to smoke”) says nothing against it.
"""

import re

_ASKING = (
    r"(?:[\s,:;\-–—(]|\b(?:please|pls|kindly|hey|hi|hello|ok|okay|so|and|but|also|now|just|well|then|can|could|would|will"
    r"|you|i|we|i['’]d|we['’]d|i['’]ll|like|want|need|wish|to|have|should|must|let['’]?s|from\s+now\s+on|it['’]?s|time|make\s+sure"
    r"|may|might|are|is|am|be|rather|there|it|mind|try|prefer|that)\b)*"
)
_STILL = (
    r"(?!\s+(?:ever\s+|you\s+|to\s+)?(?:forget|fail|hesitate|miss|neglect|omit|worry|only|just|mention|matter|problem|worries"
    r"|doubt|later|earlier|be\s+(?:shy|late|afraid))\b)"
)
"""Behind a negation: “don't forget to” wants it done."""
_NOT = (
    rf"(?:\b(?:\w+|\w+\s)?n['’´`]t|\b(?:dont|doesnt|wont|shouldnt|mustnt|neednt)|\b(?:do|does|should|must|need|will|would)\s+not|\bnot|\bnever(?!\s*mind)"
    rf"|\bno\s+longer|\bcannot|\bnor|\bneither)\b{_STILL}"
)
_REFUSES = re.compile(
    rf"{_ASKING}(?:{_NOT}|\bno\b(?!\s*[,.!:;]){_STILL}|\b(?:nobody|nothing|none|without(?!\s+fail)|instead\s+of|rather\s+than|refrain|avoid|cease|quit|hate|dislike|withdraw|do\s+without|hold\s+off|put\s+an\s+end|enough\s+(?:of|with)"
    r"|(?:am|['’]m)?\s*(?:done|tired|sick|fed\s+up)\s+(?:with|of)"
    r"|unsubscribe|unschedule|discontinue)\b"
    r"|\b(?:stop|give\s+up|end|finish|skip|pause|prevent|forbid|prohibit|block|ban)\s+(?:(?:me|us|it|them|yourself)\s+)?(?:from\s+)?\w+ing\b)",
    re.I,
)
_ENDS = re.compile(
    rf"{_ASKING}\b(?:stop|cancel|disable|deactivate|suspend|halt|terminate|abort|mute|silence|undo|revoke"
    r"|(?:turn|switch|shut)\b[^,]*\b(?:off|down))\b",
    re.I,
)
_ENDS_OURS = re.compile(
    rf"{_ASKING}\b(?:stop|cancel|disable|deactivate|suspend|halt|terminate|abort|mute|silence|undo|revoke|turn\s+off|switch\s+off"
    r"|remove|delete|drop|kill|end|pause|skip|clear|scrap|ditch|forget|ignore|get\s+rid\s+of|take\s+away|block|prevent|forbid|prohibit"
    r"|ban|erase|retire|abandon|hold|exclude|cut|close|shut\s+down|deschedule|wipe|reject|decline)\b(?!\s+to\b)[^,:]*\b(?:schedules?|tasks?|reminders?|alarms?|alerts?|notifications?|reports?|jobs?|runs?"
    r"|updates?|summar(?:y|ies)|digests?|news|newsletters?|subscriptions?|e?-?mails?|messages?|backups?|briefings?|polling|checks?"
    r"|recurrences?|timers?|pings?|crons?|it|that|this|them|everything)\b",
    re.I,
)
_NEGATED = re.compile(_NOT, re.I)
_BESIDE = re.compile(
    r"[\s,\-–—(]*\b(?:not|never|no\s+longer|no\s+more|don['’]?t)\b(?!\s+(?:to|only|just|that)\b)", re.I
)
_TOLD = re.compile(
    r"\b(?:remind|tell|warn|alert|notify|message|text|ask|nudge|inform)\s+(?:me|us|him|her|them|everyone|the\s+\w+)\b"
    r"|\b(?:check|verify|ensure|make\s+sure|report|see|confirm|monitor|watch)\s+(?:that|whether|if)\b",
    re.I,
)
_UNTOLD = re.compile(r"\b(?:whether|if|because|since|although|that|which|who|where)\b", re.I)
_TAKEN_BACK = re.compile(
    r"\b(?:any\s?more|any\s+longer|never\s*mind|forget\s+(?:it|that|about\s+(?:it|that))|scratch\s+that|on\s+second\s+thoughts?"
    r"|(?:or|but)\s+(?:rather|better)\s+not|better\s+not|actually,?\s+(?:no|not|don|never)\w*|cancel\s+(?:it|that|this))\b",
    re.I,
)
_CLAUSE = re.compile(r".*[,:;–—]|.*\b(?:but|then)\b", re.I | re.S)

_ZH_NOT = (
    r"(?:(?<!要)不要(?!紧)|(?<!用)不用(?!说)|不必|不再|不想(?!错过)|不希望|不愿意?|不肯|懒得|暂不|并非|(?<!是)不是|不(?=提醒|发|推送|通知|运行|执行|给我|叫我|更新|备份)|不需要|不许|不准|不得(?!不)|不该|不应|(?<!能)不能(?!不)|没必要|没有必要"
    r"|无需|无须|毋须|请勿|切勿|勿|莫|甭|禁止|严禁|拒绝|停止|停掉|停用|取消|撤销|关闭|关掉|删除|删掉|移除|去掉|暂停|终止|中止|禁用|屏蔽|退订|免去|省去|免了|省了|免除|放弃|中断|结束|停(?=发|给|推|提醒|运行|$)"
    r"|(?<![特分区级类个性识辨告差鉴判])别(?!的|人|名|墅|扭|致|急|担心|客气|错过))(?!忘|错过|漏)"
)
_ZH_LEAD = (
    r"(?:[\s,，:：、]|请|你|我|我们|以后|今后|从现在起|千万|都|就|再|也|谁|暂时?|可|最好|还是|一定|务必|绝对|先|希望"
    r"|可以|麻烦|帮我?|给我|把|将|先)*"
)
_ZH_OURS = (
    r"(?:提醒|日报|周报|月报|通知|任务|推送|报告|闹钟|计划|发(?!票|动)|更新|备份|运行|执行|简报|摘要"
    r"|新闻|消息|邮件|订阅|汇报)"
)
_ZH_ENDS = r"放弃|中断|结束|停止|停掉|停用|取消|撤销|关闭|关掉|删除|删掉|移除|去掉|暂停|终止|中止|禁用|屏蔽"
_ZH_NEGATED = re.compile(_ZH_NOT)
_ZH_AFTER = re.compile(rf"{_ZH_LEAD}(?:(?!{_ZH_ENDS}){_ZH_NOT}|(?:{_ZH_ENDS})[^，,]*{_ZH_OURS})")
_ZH_AHEAD = re.compile(rf"{_ZH_LEAD}{_ZH_NOT}[掉了吧再要该]*[，,：:]\s*")
_ZH_TOLD = re.compile(
    r"(?:提醒|叫|通知|告诉|告知|警告|催)(?:我们?|一下|大家|他们?|她们?)|检查|查看|看看|监控|如果|是否|有没有|哪|列出|因为|虽然"
)
_ZH_TAKEN_BACK = re.compile(
    r"(?:算了|作罢|还是别.{0,6}|(?<!要)不要了?|(?<!用)不用了?|不必了?|取消吧?)[了吧。!！~～\s]*$"
)


def against(before: str, after: str, rest: str) -> bool:
    """Whether the sentence of a phrase, `before` and `after` it, speaks against a run; `rest` is all that follows."""
    return _en_against(before, after, rest) or _zh_against(before, after, rest)


def _en_against(before: str, after: str, rest: str) -> bool:
    leading = not re.search(r"\w", re.sub(_ASKING, "", before, flags=re.I))
    if leading and (_REFUSES.match(before + " " + after) or _ENDS_OURS.match(after)):
        return True
    clause = _CLAUSE.sub("", before)
    if any(side and (_REFUSES.match(side) or _ENDS.match(side) or _ENDS_OURS.match(side)) for side in (before, clause)):
        return True
    told = _TOLD.search(clause) or _UNTOLD.search(clause)
    if _NEGATED.search(clause[: told.start()] if told else clause) or _BESIDE.match(after):
        return not (told and _TOLD.search(clause) and _BESIDE.match(after))
    back = _TAKEN_BACK.search(rest)
    if back and (_TOLD.search(before) or _TOLD.search(after)):
        # What is told may hold such words too; a clause of its own does not.
        return bool(re.search(r"[.,!?;–—\-]\s*$", rest[: back.start()]))
    return bool(back)


def _zh_against(before: str, after: str, rest: str) -> bool:
    clause = re.sub(r".*[，,：:]", "", before)
    told = _ZH_TOLD.search(clause)
    if _ZH_AHEAD.fullmatch(before) or _ZH_NEGATED.search(clause[: told.start()] if told else clause):
        return True
    if told:
        return False
    if _ZH_AFTER.match(after):
        return True
    told = _ZH_TOLD.search(after)
    first = re.sub(r"[，,].*", "", (after[: told.start()] if told else after).lstrip(" ，,：:"))
    if re.search(rf"(?!{_ZH_ENDS}){_ZH_NOT}", first):
        return True
    back = _ZH_TAKEN_BACK.search(rest)
    return bool(back and (not told or re.search(r"[，,。！!]\s*$", rest[: back.start()])))
