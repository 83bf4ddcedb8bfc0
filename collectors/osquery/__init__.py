"""osquery's TLS API: what daemons are asked, what they answer, and the key by which they are known.

`queries.yaml` is what is asked; `answers` has one reader for each query; `messages` reads the five kinds of body.
Nothing is kept between two messages: who a daemon is stands in its node key, which only who knows the agency's token
can have made.
"""

from __future__ import annotations

from collectors.osquery.messages import (
    Told,
    configuration,
    key_for,
    known_by,
    open_message,
    questions,
    read_answers,
    read_enrolment,
    read_log,
)

__all__ = [
    "Told",
    "configuration",
    "key_for",
    "known_by",
    "open_message",
    "questions",
    "read_answers",
    "read_enrolment",
    "read_log",
]
