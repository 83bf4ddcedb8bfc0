"""Reports that the consoles of antivirus products and WSUS export, read by profiles: one data file for each console.

A profile (`profiles/<name>.yaml`; unknown keys are refused with the line and the nearest name) says:

    title: Kaspersky Security Center    the name that people read
    product: Kaspersky Endpoint Security  antivirus_name where no column tells it (optional)
    antivirus: true                     who is listed has this antivirus and is managed by it; false for WSUS
    columns: {hostname: [Device, Thiết bị]}   of each field (FIELDS) the headers that it may have, the best first
    dates: ['%d.%m.%Y %H:%M:%S']        as strptime reads them, the likeliest first; ISO 8601 is always read
    words: {enabled: {"yes": [On], "no": [Off], unknown: [N/A]}} what stands in a column of yes and no
    texts: {reason: [{has: [Protection is off], enabled: "no"}]} what a text says of fields, where it holds one of these
    up_to_date_days: 7                  how old signatures may be where the console has no word of its own (optional)
    fresh_days: 7                       how old a report may be to say that a machine is missing from it
    report_time: [Report created]       what stands before the report's time above its header (optional)

Case, accents and marks of headers and words do not matter.
"""

from __future__ import annotations

from collectors.consoles.profile import FIELDS, Profile, load_profiles
from collectors.consoles.report import Line, Problem, Report, read_report

__all__ = ["FIELDS", "Line", "Problem", "Profile", "Report", "load_profiles", "read_report"]
