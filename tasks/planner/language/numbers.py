"""Numbers in words: English up to a hundred with ordinals, Chinese up to 9999."""

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
    *("nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth"),
    *("twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"),
)
WORDS: dict[str, int] = {word: n for n, word in enumerate(_ONES)}
WORDS.update({word: 20 + 10 * n for n, word in enumerate(_TENS)})
WORDS.update({f"{ten}-{_ONES[one]}": WORDS[ten] + one for ten in _TENS for one in range(1, 10)})
ORDINALS: dict[str, int] = {word: n for n, word in enumerate(_ORDINALS, 1)}

NUMBER = r"(?:(?<!\d)\d+(?:\.\d+)?|" + "|".join(sorted((w for w in WORDS if w != "zero"), key=len, reverse=True)) + ")"
"""A number in figures or English words. It begins where its figures begin, or a long one would be tried at each."""
ORDINAL = r"(?:\d{1,2}(?:st|nd|rd|th)|" + "|".join(sorted(ORDINALS, key=len, reverse=True)) + ")"
"""The day of a month, as 1st or first."""
MOST = 10**12
"""What a greater number in a text is read as: beyond every limit and calendar, small enough to calculate with."""
_DIGITS = "零一二三四五六七八九"
_ZH_VALUES = {**{digit: n for n, digit in enumerate(_DIGITS)}, "〇": 0, "两": 2, "俩": 2, "半": 0}
ZH_NUMBER = r"(?:(?<!\d)\d+|[〇零一二两三四五六七八九十百千]{1,20})"
"""A whole number in figures or Chinese numerals."""


def number(text: str) -> float:
    """The value of NUMBER, `a` and `an` included, MOST at most. Raises ValueError for anything else."""
    word = text.lower().replace(" ", "-")
    if word in ("a", "an"):
        return 1
    if word in WORDS:
        return WORDS[word]
    return min(float(word), MOST)


def ordinal(text: str) -> int:
    """The value of ORDINAL."""
    word = text.lower()
    return ORDINALS[word] if word in ORDINALS else int(re.sub(r"\D", "", word))


def zh_vague(text: str) -> bool:
    """Whether two numerals stand side by side for something between them: 两三天, 三五个."""
    return bool(re.fullmatch("[一二两三四五六七八九]{2,}", text))


def zh_number(text: str) -> int:
    """The value of ZH_NUMBER: 十五 is 15, 二十 is 20, 一百零五 is 105, 两 is 2, 三〇 is 30. MOST at most."""
    if re.fullmatch(r"\d+", text):
        # Figures of every script: ９ too.
        return int(min(float(text), MOST))
    if not re.search("[十百千]", text):
        return int(min(float("".join(str(_ZH_VALUES[digit]) for digit in text)), MOST))
    total = digit = 0
    for sign in text:
        scale = {"十": 10, "百": 100, "千": 1000}.get(sign)
        if scale is None:
            digit = _ZH_VALUES[sign]
        else:
            total += (digit or 1) * scale
            digit = 0
    return total + digit
