"""Search over titles and everything said: `text` cuts words, `index` keeps the databases' indexes, `find` asks them."""

from conversations.search.find import Found, FoundItem, find
from conversations.search.index import forget_all, index_for, index_pending, index_title
from conversations.search.text import Part

__all__ = ["Found", "FoundItem", "Part", "find", "forget_all", "index_for", "index_pending", "index_title"]
