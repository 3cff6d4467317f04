"""Reports: the same outcomes for people, for programs and for CI systems."""

import io
import json
from xml.etree import ElementTree

import pytest

from sandbox.journal.measured import Measured
from sandbox.judge.verdict import Check, Outcome, Verdict
from sandbox.report.as_json import as_json
from sandbox.report.junit import write_junit
from sandbox.report.record import FIGURES, ScenarioReport, VariantSummary
from sandbox.report.terminal import print_report

CHECK = Check("fail", "hit ratio = 0.5 <= 0.2", "hit ratio", 0.5, 0.4, 0.6, 900, "", 0.99, "<=", 0.2)
FIGURE = {
    "rate": Measured(1234.5, 1200, 1300, 9000, "requests/s"),
    "errors": Measured.exact(0.0125),
    "p50": Measured(0.0211, 0.02, 0.022, 9000, "s"),
    "p99": Measured(2.5, 2, 3, 9000, "s"),
    "hit ratio": None,
    "peak pods": Measured.exact(12),
    "peak CPU requested": Measured.exact(0.5),
    "peak GPUs requested": Measured.exact(0.0),
    "cold starts": Measured.exact(3),
}


def report(*verdicts, interrupted=False, digests=("aa", "bb")):
    outcomes = tuple(
        Outcome(
            test=f"test_the_{verdict.value}",
            verdict=verdict,
            checks=(CHECK,) if verdict is Verdict.FAIL else (),
            message="" if verdict is Verdict.PASS else "because\x00",
            details="the whole story",
        )
        for verdict in verdicts
    )
    variants = tuple(
        VariantSummary(name, digest, "completed", FIGURE) for name, digest in zip("xy", digests, strict=True)
    )
    return ScenarioReport(
        scenario="pods",
        description="About pods.",
        world="sim",
        seed=1,
        form="full",
        outcomes=outcomes,
        variants=variants,
        interrupted=interrupted,
    )


def printed(one):
    stream = io.StringIO()
    print_report(one, stream)
    return stream.getvalue()


def test_there_is_a_figure_for_every_column():
    assert list(FIGURE) == [name for name, _ in FIGURES]


def test_people_get_a_verdict_and_the_numbers_that_decided():
    text = printed(report(Verdict.PASS, Verdict.FAIL))

    assert "pass         the pass\nfail         the fail\n             hit ratio = 0.5 <= 0.2\n" in text
    assert "fail: 1 pass, 1 fail; journals" in text


def test_people_get_the_reason_where_no_comparison_failed():
    assert "inconclusive the inconclusive\n             because" in printed(report(Verdict.INCONCLUSIVE))


def test_the_table_leaves_out_what_no_variant_has():
    lines = printed(report(Verdict.PASS)).splitlines()
    [row] = [line for line in lines if line.startswith("x ")]

    assert row.split() == ["x", "1,234/s", "1.25", "%", "21.1", "ms", "2.5", "s", "12", "0.5", "3"]


def test_an_interrupted_report_claims_no_verdict():
    text = printed(report(Verdict.PASS, interrupted=True))

    assert "interrupted: this is what was played so far" in text
    assert "journals" not in text


@pytest.mark.parametrize("verdict", list(Verdict))
def test_json_says_the_verdict(verdict):
    [one] = json.loads(as_json([report(verdict)]))

    assert one["verdict"] == verdict.value
    assert one["expectations"][0]["verdict"] == verdict.value


def test_json_figures_are_numbers_or_null():
    [one] = json.loads(as_json([report(Verdict.PASS)]))
    figures = one["variants"]["x"]["figures"]

    assert figures["p99"] == {"value": 2.5, "low": 2, "high": 3, "n": 9000, "unit": "s"}
    assert figures["hit_ratio"] is None


def test_the_digest_is_over_all_variants():
    digests = {report(Verdict.PASS, digests=pair).journal_digest for pair in [("a", "b"), ("b", "a"), ("a", "c")]}

    assert len(digests) == 3


def test_junit_counts_and_keeps_every_outcome(tmp_path):
    write_junit([report(*Verdict)], tmp_path / "new" / "junit.xml")
    suite = ElementTree.parse(tmp_path / "new" / "junit.xml").getroot()[0]

    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
    }
    assert suite.find("testcase/failure").get("message") == "fail: because\ufffd"
    assert suite.find("testcase/failure").text == "the whole story"
    assert suite.find("testcase/skipped").get("message") == "inconclusive: because\ufffd"
