"""Reports in Word: a template with tags, filled in with what a report says.

`official` makes the template that is used where a department has none of its own, in the form of official documents;
`word` fills any template in. What the tags are called is told in `official`, and in the words of `dophu report`.
"""

from __future__ import annotations

from exporters.reports.official import official_template
from exporters.reports.word import fill

__all__ = ["fill", "official_template"]
