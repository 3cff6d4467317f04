"""The report as JUnit XML, as CI systems read it: a suite for each scenario, a case for each test function.

What was measured against which bound is in the case's properties, of passing cases too. An inconclusive case is
`skipped` (JUnit has no better word) with a message that says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as xml

from sandbox.judge.verdict import Outcome, Verdict
from sandbox.report.record import ScenarioReport

_ELEMENT = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.SKIPPED: "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(reports: Sequence[ScenarioReport], path: Path) -> None:
    """Write the file, and the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    root = xml.Element("testsuites", name="sandbox run")
    for report in reports:
        root.append(_suite(report))
    tree = xml.ElementTree(root)
    xml.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _suite(report: ScenarioReport) -> xml.Element:
    verdicts = [outcome.verdict for outcome in report.outcomes]
    suite = xml.Element(
        "testsuite",
        name=report.scenario,
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.FAIL)),
        errors=str(verdicts.count(Verdict.ERROR)),
        skipped=str(verdicts.count(Verdict.INCONCLUSIVE) + verdicts.count(Verdict.SKIPPED)),
        time=f"{sum(outcome.duration_s for outcome in report.outcomes):.3f}",
    )
    facts = {"world": report.world, "seed": str(report.seed), "form": report.form, "journal": report.journal_digest}
    _properties(suite, list(facts.items()))
    for outcome in report.outcomes:
        suite.append(_case(report.scenario, outcome))
    return suite


def _case(scenario: str, outcome: Outcome) -> xml.Element:
    case = xml.Element("testcase", classname=scenario, name=outcome.test, time=f"{outcome.duration_s:.3f}")
    _properties(case, [("expectation", _clean(check.text)) for check in outcome.checks])
    if outcome.verdict in _ELEMENT:
        message = f"{outcome.verdict.value}: {outcome.message}"
        child = xml.SubElement(case, _ELEMENT[outcome.verdict], message=_clean(message))
        child.text = _clean(outcome.details)
    return case


def _properties(element: xml.Element, properties: Sequence[tuple[str, str]]) -> None:
    if properties:
        parent = xml.SubElement(element, "properties")
        for name, value in properties:
            xml.SubElement(parent, "property", name=name, value=value)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
