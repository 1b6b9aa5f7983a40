"""Time zones as people name them: cities, regions and abbreviations, in English and Chinese."""

import re
from functools import lru_cache

from tasks.planner.language.meaning import Zone
from tasks.schedules import zone_names

_CITIES = {
    **dict.fromkeys(("beijing", "shenzhen", "guangzhou", "hangzhou", "china", "chinese", "chengdu"), "Asia/Shanghai"),
    **dict.fromkeys(("munich", "hamburg", "frankfurt", "cologne", "germany", "german"), "Europe/Berlin"),
    **dict.fromkeys(("uk", "british", "manchester", "england", "edinburgh"), "Europe/London"),
    **dict.fromkeys(("france", "french", "lyon"), "Europe/Paris"),
    **dict.fromkeys(("central european", "cet", "cest", "mez", "mesz"), "Europe/Berlin"),
    **dict.fromkeys(
        ("nyc", "boston", "washington", "washington dc", "miami", "philadelphia", "atlanta"), "America/New_York"
    ),
    **dict.fromkeys(("eastern", "us eastern", "wall street", "nyse", "et", "new york city"), "America/New_York"),
    **dict.fromkeys(
        (
            "pacific",
            "us pacific",
            "san francisco",
            "sf",
            "seattle",
            "la",
            "silicon valley",
            "pt",
            "california",
            "san diego",
            "las vegas",
        ),
        "America/Los_Angeles",
    ),
    **dict.fromkeys(("us central", "houston", "dallas", "austin", "texas"), "America/Chicago"),
    **dict.fromkeys(("us mountain", "salt lake city"), "America/Denver"),
    **dict.fromkeys(("japan", "japanese", "osaka", "kyoto", "jst"), "Asia/Tokyo"),
    **dict.fromkeys(("korea", "korean", "kst"), "Asia/Seoul"),
    **dict.fromkeys(("india", "indian", "mumbai", "delhi", "new delhi", "bangalore", "chennai"), "Asia/Kolkata"),
    **dict.fromkeys(("hkt",), "Asia/Hong_Kong"),
    **dict.fromkeys(("sgt",), "Asia/Singapore"),
    **dict.fromkeys(("msk",), "Europe/Moscow"),
    **dict.fromkeys(("abu dhabi",), "Asia/Dubai"),
    **dict.fromkeys(("tel aviv",), "Asia/Jerusalem"),
    **dict.fromkeys(("geneva", "basel", "bern", "swiss", "switzerland"), "Europe/Zurich"),
    **dict.fromkeys(("milan", "italy"), "Europe/Rome"),
    **dict.fromkeys(("barcelona", "spain"), "Europe/Madrid"),
    **dict.fromkeys(("rio", "rio de janeiro", "brasilia"), "America/Sao_Paulo"),
    **dict.fromkeys(("utc", "gmt", "zulu", "greenwich"), "UTC"),
    **dict.fromkeys(("hanoi", "saigon"), "Asia/Ho_Chi_Minh"),
    **dict.fromkeys(("montreal",), "America/Toronto"),
    **dict.fromkeys(("cape town",), "Africa/Johannesburg"),
}
_SHARED = {
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "est": "America/New_York",
    "edt": "America/New_York",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "mst": "America/Denver",
    "mdt": "America/Denver",
    "ist": "Asia/Kolkata",
    "bst": "Europe/London",
    "ast": "America/Halifax",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
}
"""Abbreviations that several zones share, or that name winter time while people mean the clock on the wall."""
_CHINESE = {
    **dict.fromkeys(("北京", "上海", "中国", "深圳", "广州", "杭州", "国内"), "Asia/Shanghai"),
    "香港": "Asia/Hong_Kong",
    "台北": "Asia/Taipei",
    "台湾": "Asia/Taipei",
    "澳门": "Asia/Macau",
    **dict.fromkeys(("东京", "日本"), "Asia/Tokyo"),
    **dict.fromkeys(("首尔", "韩国"), "Asia/Seoul"),
    "新加坡": "Asia/Singapore",
    **dict.fromkeys(("纽约", "美东", "美国东部", "华盛顿", "波士顿"), "America/New_York"),
    **dict.fromkeys(("洛杉矶", "旧金山", "美西", "美国西部", "西雅图"), "America/Los_Angeles"),
    "芝加哥": "America/Chicago",
    **dict.fromkeys(("伦敦", "英国"), "Europe/London"),
    **dict.fromkeys(("柏林", "德国", "法兰克福", "慕尼黑"), "Europe/Berlin"),
    **dict.fromkeys(("巴黎", "法国"), "Europe/Paris"),
    "莫斯科": "Europe/Moscow",
    "悉尼": "Australia/Sydney",
    "迪拜": "Asia/Dubai",
    "多伦多": "America/Toronto",
    **dict.fromkeys(("格林尼治", "世界协调", "协调世界", "世界标准"), "UTC"),
}
ZH_PLACE = "(?:" + "|".join(sorted(_CHINESE, key=len, reverse=True)) + ")"
"""A place with a zone, in Chinese."""
SURE = r"(?:UTC|GMT|CET|CEST|MEZ|MESZ|JST|KST|HKT|SGT|MSK|ET|PT)"
"""Abbreviations that are not; in capitals only, where they are words otherwise."""


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    """Every city that names a zone, in small letters, and the aliases above."""
    found: dict[str, str] = {}
    for name in sorted(zone_names()):
        region, _, city = name.partition("/")
        if city and region not in ("Etc", "US", "posix", "right", "SystemV"):
            found.setdefault(city.rsplit("/", 1)[-1].replace("_", " ").lower(), name)
    return {**found, **_CITIES}


def place(text: str) -> str | None:
    """The zone of a city, region or sure abbreviation; None where it is not known."""
    return _cities().get(" ".join(text.lower().split()))


def named(text: str) -> Zone | None:
    """The zone that a text names by itself: an IANA name, an abbreviation, an offset (UTC+8), or a city."""
    said = " ".join(text.split())
    lower = said.lower()
    if lower in _SHARED:
        return Zone(name=_SHARED[lower], said=said, sure=False)
    offset = re.fullmatch(r"(?:utc|gmt)\s?([+-])(\d{1,2})(?::?00)?", lower)
    if offset:
        hours = int(offset[2])
        # In the names of IANA's Etc the sign is the other way round.
        name = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{hours}" if hours else "UTC"
        return Zone(name=name, said=said) if name in zone_names() else None
    for name in (said, said.replace(" ", "_")):
        if "/" in name and name in zone_names():
            return Zone(name=name, said=said)
    found = _cities().get(lower)
    return Zone(name=found, said=said) if found else None


def zh_named(text: str) -> Zone:
    """The zone of ZH_PLACE."""
    return Zone(name=_CHINESE[text], said=text)
