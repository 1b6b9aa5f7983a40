"""The prices that MarketDataAgent knows, and what a question about them names."""

import csv
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

COMPANIES = {
    "AAPL": ("apple",),
    "AMZN": ("amazon",),
    "GOOG": ("google", "alphabet", "googl"),
    "IBM": ("international business machines",),
    "MSFT": ("microsoft",),
}
"""The symbols in the file, and what else people call them."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of one share in one month, in US dollars."""

    month: date
    """Its first day."""
    dollars: float


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person asked for."""

    symbols: Sequence[str]
    """Known symbols, in the order of COMPANIES."""
    unknown: Sequence[str]
    """Words that look like symbols of shares that the file does not have."""
    first_year: int | None
    last_year: int | None
    """The years asked for, both included; None is open."""


def load_prices() -> Mapping[str, Sequence[Price]]:
    """Monthly prices by symbol, oldest first, from the file stocks.csv of the installed package
    vega-datasets.

    The package is found but never imported: importing it imports pandas, which takes a second and 60 MB, for
    a file that the csv module reads in a millisecond.

    Raises FileNotFoundError when the package is not installed.
    """
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("vega-datasets is not installed: pip install vega-datasets")
    prices: dict[str, list[Price]] = {}
    with (Path(spec.origin).parent / "_data" / "stocks.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            month = datetime.strptime(row["date"], "%b %d %Y").date()
            prices.setdefault(row["symbol"], []).append(Price(month=month, dollars=float(row["price"])))
    return {symbol: sorted(prices[symbol], key=lambda price: price.month) for symbol in sorted(prices)}


def understand(text: str) -> Question:
    """Read symbols, company names and years out of a question in plain words."""
    lowered = text.lower()
    words = set(re.findall(r"[a-z]+", lowered))
    symbols = [
        symbol
        for symbol, names in COMPANIES.items()
        if symbol.lower() in words or any(re.search(rf"\b{name}\b", lowered) for name in names)
    ]
    if not symbols and words & {"all", "each", "every", "everything"}:
        symbols = list(COMPANIES)
    first_year, last_year = _years(lowered)
    return Question(
        symbols=symbols,
        # Capitals alone make a word a symbol, and only where not the whole text is shouted.
        unknown=[]
        if text.isupper() and len(text.split()) > 1
        else [
            word for word in re.findall(r"\b[A-Z]{2,5}\b", text) if word not in COMPANIES and word not in _NO_SYMBOLS
        ],
        first_year=first_year,
        last_year=last_year,
    )


_NO_SYMBOLS = {
    "US",
    "USA",
    "USD",
    "UK",
    "EU",
    "OK",
    "PE",
    "CEO",
    "IPO",
    "ETF",
    "AI",
    "UTC",
    "ASAP",
    "FAQ",
    "CSV",
}


def _years(lowered: str) -> tuple[int | None, int | None]:
    years = [int(year) for year in re.findall(r"\b(?:19|20)\d\d\b", lowered)]
    if not years:
        return None, None
    if len(years) == 1:
        before = re.search(r"\b(since|from|after|until|till|before|to)\s+(?:\w+\s+)?(?:19|20)\d\d\b", lowered)
        match before.group(1) if before else None:
            case "since" | "from":
                return years[0], None
            case "after":
                return years[0] + 1, None
            case "until" | "till" | "to":
                return None, years[0]
            case "before":
                return None, years[0] - 1
    return min(years), max(years)


def within(prices: Sequence[Price], question: Question) -> Sequence[Price]:
    """The prices of the years asked for."""
    return [
        price
        for price in prices
        if (question.first_year is None or price.month.year >= question.first_year)
        and (question.last_year is None or price.month.year <= question.last_year)
    ]
