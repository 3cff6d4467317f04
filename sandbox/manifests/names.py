"""What Kubernetes takes as a name (k8s.io/apimachinery pkg/util/validation), and who was meant by a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_FORMS = {
    "DNS-1123 label": (re.compile(_LABEL), 63),
    "DNS-1123 subdomain": (re.compile(rf"{_LABEL}(\.{_LABEL})*"), 253),
    "DNS-1035 label": (re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?"), 63),
}
RULES = {
    "DNS-1123 label": "a DNS-1123 label: lower case letters, digits and '-', at most 63, "
    "a letter or digit at both ends",
    "DNS-1123 subdomain": "a DNS-1123 subdomain: lower case letters, digits, '-' and '.', at most 253, "
    "a letter or digit at both ends",
    "DNS-1035 label": "a DNS-1035 label: lower case letters, digits and '-', at most 63, starting with a letter, "
    "ending with a letter or digit",
}


def is_name(text: str, form: str) -> bool:
    """Whether a text has one of the forms of `RULES`.

    >>> is_name("v2", "DNS-1035 label"), is_name("2nd", "DNS-1035 label"), is_name("a.b", "DNS-1123 subdomain")
    (True, False, True)
    """
    pattern, longest = _FORMS[form]
    return len(text) <= longest and pattern.fullmatch(text) is not None


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """' (did you mean "x"?)' or nothing.

    >>> did_you_mean("maxEntrys", ["maxEntries", "ttl"])
    ' (did you mean maxEntries?)'
    """
    lowered = {one.lower(): one for one in known}
    close = get_close_matches(written.lower(), list(lowered), n=1, cutoff=0.75)
    return f" (did you mean {lowered[close[0]]}?)" if close else ""
