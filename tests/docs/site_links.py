"""Each link inside the built site leads to a page that is there, and to a place on it: ``site_links.py FOLDER``."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places.update(filter(None, (given.get("id"), given.get("name") if tag == "a" else None)))
        link = given.get("href") if tag in ("a", "link") else given.get("src")
        if link:
            self.links.append(link)


def dead_links(folder: Path) -> tuple[int, list[str]]:
    """How many links were followed, and those that lead nowhere."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    followed, dead = 0, []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            address, place = parts.path, parts.fragment
            if parts.scheme or parts.netloc:
                continue
            followed += 1
            target = (path.parent / unquote(address)).resolve() if address else path
            there = pages.get(target)
            if not target.is_file() or (place and there and unquote(place) not in there.places):
                dead.append(f"{path.relative_to(folder.resolve())}: {link}")
    return followed, sorted(set(dead))


def main() -> None:
    followed, dead = dead_links(Path(sys.argv[1]))
    print("\n".join(dead))
    print(f"{followed} links followed, {len(dead)} lead nowhere")
    sys.exit(bool(dead) or not followed)


if __name__ == "__main__":
    main()
