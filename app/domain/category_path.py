"""Categories カテゴリ as paths from the widest to the narrowest: `Ladies/Coats`."""

import re

SEPARATORS = r"\s*[>＞/／]\s*"  # all that systems write between two levels


def category_path(text: str) -> str:
    """The path as it is kept, however its levels were separated; empty where there are none."""
    return re.sub(SEPARATORS, "/", text.strip()).strip("/")
