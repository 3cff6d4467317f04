"""The event queue orders by time, then priority, then the order of asking."""

from sandbox.sim.agenda import NS, Agenda, Priority


def play(agenda: Agenda) -> None:
    while agenda.next_ns is not None:
        agenda.now_ns = agenda.next_ns
        agenda.run_due()


def test_entries_leave_by_time_then_priority_then_sequence():
    agenda = Agenda()
    seen: list[str] = []
    agenda.at(2 * NS, Priority.TIMELINE, lambda: seen.append("later"))
    agenda.at(NS, Priority.HARVEST, lambda: seen.append("harvest"))
    agenda.at(NS, Priority.PODS, lambda: seen.append("first pod"))
    agenda.at(NS, Priority.PODS, lambda: seen.append("second pod"))

    play(agenda)

    assert ["harvest", "first pod", "second pod", "later"] == seen


def test_what_an_entry_adds_for_now_is_done_now():
    agenda = Agenda()
    seen: list[float] = []
    agenda.after(1.0, Priority.PODS, lambda: agenda.after(0.0, Priority.PODS, lambda: seen.append(agenda.now_s)))

    play(agenda)

    assert [1.0] == seen


def test_an_instant_that_has_passed_means_now():
    agenda = Agenda()
    agenda.now_ns = 5 * NS
    agenda.at(NS, Priority.PODS, lambda: None)

    assert 5 * NS == agenda.next_ns
