"""Reports in Word and PDF: a form with tags, filled in with what a report says.

`official` makes the template that is used where a department has none of its own, in the form of official documents,
and tells what its tags are called; `chart` draws its
picture; `word` fills any template in; `pdf` sets the same form for paper.
"""

from __future__ import annotations

from exporters.reports.chart import draw
from exporters.reports.official import official_template
from exporters.reports.pdf import as_pdf
from exporters.reports.word import fill

__all__ = ["as_pdf", "draw", "fill", "official_template"]
