"""Whether a Chinese sentence means a phrase as a time to run, or merely speaks of a time.

The answers and the caution are those of `english_context`: a schedule that nobody wanted costs more than a question.
"""

import re
from collections.abc import Sequence
from typing import Literal

from tasks.planner.language.meaning import Meaning
from tasks.planner.language.phrases import Phrase

Judgement = Literal["sure", "unsure"] | None

BETWEEN = re.compile(r"(?:[\s,，、;；()（）的都在]|和|及|与|但|然后|并且?|钟|准时|左右|各)*")
_SENTENCE_END = re.compile(r"[。！？!?；;\n]")
_LEAD = re.compile(
    r"(?:[\s,，:：、(（]|请你?|麻烦你?|帮我|帮忙|替我|给我|能不能|能否|可否|可以|能|你|在|于|以后|今后|从现在起|设置|设定|创建|安排|定个?"
    r"|提醒我|叫我|通知我|我想要?|我要|我希望|我需要|想让你|希望你?|需要|让|就|一个|任务|提醒|运行|执行|好的?|那|定时)*"
)
_TAIL = re.compile(
    r"(?:[\s,，。.!！;；)）~…]|提醒我|叫我|通知我|告诉我|发给我|发我|运行|执行|一次|一遍|吧|谢谢|好吗|可以吗|行吗|都|的时候|更新|推送|进行|给我)*[?？]?"
)
_POLITE = re.compile(r"能不能|能否|可否|可不可以|可以.*吗|能.*吗|好吗|行吗|可以吗|麻烦|请|帮")
_RUNS = re.compile(
    r"比较|对比|分析|总结|汇总|提醒|发(?!生|现|展|布会|达|型|行|明|烧|货|票)|给我|告诉|查|看|检查|监控|监测|更新|生成|写|推送|通知|汇报|报告|搜|抓|获取"
    r"|运行|执行|播放|叫我|打开|跑|做|整理|列出|翻译|计算|统计|同步|备份|下载|上传|刷新|关注|跟踪|追踪|盘点|复盘|预测|推荐|爬取|筛选|评估|扫描|拉取"
    r"|调用|读|研究|梳理|盯|算|问|画|导出|清理|解读|回顾|测试|采集|收集|记录|展示|显示|输出|浏览|核对|审核|催"
)
_ASKS = re.compile(r"什么|为什么|为何|怎么|怎样|如何|多少|哪|几[点个次天]|是不是|有没有|吗|呢|谁|是否")
_SUBJECT = re.compile(
    r"(?:^|[，,])\s*(?:因为|虽然|如果|当|由于)?(?:我们?(?!想|要|希望|需要)|他们?|她们?|它们?|大家|人们|公司|老板|妈妈|爸爸|孩子|市场|股市|商店|学校|同事|团队|"
    r"会议|例会|航班|火车|这个.{0,6}|那个.{0,6}|该.{0,6}|.{1,8}(?:会|将|都|总是|一般|通常|在))$"
)
_OF = re.compile(r"^\s*(?:的(?!时候|话|闹钟|提醒|定时|任务)|里|中|内|内的|以来|之前|以前|前|之内)")
_MENTIONED = re.compile(
    r"(?:关于|过去|最近|近|上|前|比|到|解释|翻译|什么是|意思是|叫做?|安排在|定在|改到|推迟到|提前到|是|的|从|自|截至|截止|预定|预订|订|约|参加|准备)$"
)
_REMIND = re.compile(r"提醒|叫我|通知我|喊我|闹钟")
_CODE = re.compile(r"脚本|程序|代码|函数|爬虫|cron|接口")
_ENGLISH = re.compile(
    r"\b(?:compare|check|send|show|report|remind|tell|list|give|get|run|fetch|update|summari[sz]e|analy[sz]e)\b", re.I
)
_TEXT_GIVEN = re.compile(r"(?:翻译|改写|润色|纠正|修改|回复|转换|换算|写).*[：:]|假设|假如|想象")
_HAPPENS = re.compile(
    r"^\s*(?:(?:要|我要|我们要)?开.{0,3}会|都?会|都?有|都?是|发生|开盘|收盘|开会|上班|下班|起床|睡觉|吃|喝|到期|举行|开始|结束|过期|更新了)"
)


_LEFT_AWAY = re.compile(
    r"((?:一?直到|直至|截[止至]到?|持续到|除非)[^，,。；;]*|(?:到|至)[^，,。；;到至]{1,12}(?:为止|结束|截止)"
    r"|(?<![^，,。])在?(?:从|自|接下来|未来|今后|除了?|持续|为期)(?![^，,。；;]*的)[^，,。；;]+|[^，,。；;]{1,12}除外|[到至](?:下?个?[周月]|星期|礼拜|[明后]天|年底|\d+月)[^，,。；;]{0,6}$"
    r"|(?<![^，,])只[^，,。；;]{0,3}[一二两三四五六七八九十\d]+个?(?:天|周|星期|月|小时))"
)
_LEFT_AFTER = re.compile(r"\s*((?:以后|之后|过后|后(?!台|端|面)|以前|之前|前(?!台|端|面|十|\d)|或者?[^，,。]{0,6}))")


def sentence(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a phrase in its own sentence."""
    cuts = [match.end() for match in _SENTENCE_END.finditer(text[:start])]
    tail = _SENTENCE_END.search(text, end)
    return text[cuts[-1] if cuts else 0 : start], text[end : tail.end() if tail else len(text)]


def judge(phrase: Phrase, meaning: Meaning) -> Judgement:
    """Whether the sentence around `phrase` means it."""
    before, after = sentence(phrase.text, phrase.start, phrase.end)
    leading, trailing = bool(_LEAD.fullmatch(before)), bool(_TAIL.fullmatch(after))
    if leading and trailing:
        return "sure"
    if _OF.match(after) or _TEXT_GIVEN.search(before) or (not leading and _MENTIONED.search(before)):
        return None
    strong = meaning.clocked or any(doubt.code == "other" for doubt in meaning.doubts)
    runs = any(verbs.search(side) for verbs in (_RUNS, _ENGLISH) for side in (before, after))
    if _CODE.search(before):
        return "unsure" if strong else None
    asks = bool(_ASKS.search(after + before)) and not _POLITE.search(before + after)
    if asks and not strong and re.search(r"[?？]\s*$", after):
        return None
    if (
        asks
        and not re.match(r"\s*[，,：:]", after)
        and not re.search(r"告诉|汇报|总结|分析|发(?!生)|报告|推送|查|看看", before + after)
    ):
        return "unsure" if meaning.recurring and strong and runs else None
    if not leading and _SUBJECT.search(before):
        return "unsure" if strong and meaning.recurring else None
    if _HAPPENS.match(after) and not _REMIND.search(before):
        later = re.search(r"[，,](.*)", after)
        return "unsure" if strong and (leading or (later and _RUNS.search(later[1]))) else None
    if phrase.loose and not strong:
        return "unsure" if leading and _RUNS.match(after.strip(" ，,：:")) else None
    if leading:
        return _leading(meaning, before, after, strong=strong, runs=runs)
    set_off = bool(re.search(r"[，,：:、]\s*$", before))
    if trailing and (strong or set_off):
        return "sure" if runs else "unsure"
    if strong and (_REMIND.search(before) or set_off):
        return "sure"
    if strong:
        return "unsure" if runs else None
    return "unsure" if trailing and runs and meaning.recurring else None


def residue(phrase: Phrase, *, taken: bool = False) -> str:
    """What limits a phrase in a way that is not understood: 下个月, 暑假 before it, 直到圣诞节, 除非 elsewhere.

    `taken`: what bounds it elsewhere in the sentence was understood.
    """
    before, after = sentence(phrase.text, phrase.start, phrase.end)
    away = None if taken else (_LEFT_AWAY.search(after) or _LEFT_AWAY.search(before))
    if away or (away := _LEFT_AFTER.match(after)):
        return away[1]
    found = re.search(
        r"((?:[\d一二三四五六七八九十]+月(?:到|至|-)[\d一二三四五六七八九十]+月|[下本这]个?月|暑假|寒假|节假日)(?:的|里|期间)?)[，,\s]*$",
        before,
    )
    return found[1] if found else ""


def _leading(meaning: Meaning, before: str, after: str, *, strong: bool, runs: bool) -> Judgement:
    if strong:
        return (
            "sure" if runs or re.match(r"\s*[，,：:]", after) or not re.search("[\u4e00-\u9fff]", after) else "unsure"
        )
    if not runs:
        return None
    if meaning.recurring:
        return "sure"
    if _REMIND.search(before + after):
        return "sure"
    return None if re.search(r"天气|新闻|行情|日程", after) else "unsure"


def apart(_chosen: Phrase, meaning: Meaning, others: Sequence[Phrase]) -> list[Phrase]:
    """Phrases elsewhere in the text that belong to the chosen one: a clock time behind a comma, an end."""
    found: list[Phrase] = []
    for other in others:
        before, after = sentence(other.text, other.start, other.end)
        kinds = {piece.kind for piece in other.pieces}
        if not _TAIL.fullmatch(after) or not re.search(r"[，,]\s*$", before):
            continue
        if (kinds == {"times"} and not meaning.clocked) or kinds <= {
            "until",
            "count",
            "duration",
            "start",
            "except",
            "zone",
        }:
            found.append(other)
    return found


def alone(phrase: Phrase) -> Judgement:
    """Whether a clock time without a day is meant: “10点提醒我开会”."""
    if {piece.kind for piece in phrase.pieces} - {"times", "zone", "part"}:
        return None
    before, after = sentence(phrase.text, phrase.start, phrase.end)
    wants = bool(_LEAD.fullmatch(before)) and re.match(r"\s*[，,]?\s*(?:的时候)?(?:提醒|叫|通知|喊)[我一]", after)
    return "sure" if wants and any(piece.kind == "times" for piece in phrase.pieces) else None


def uncertain(_chosen: Phrase, _extra: Phrase) -> bool:
    """Whether a bound that stands apart may belong to the request: one behind a comma, as all are here, does not."""
    return False
