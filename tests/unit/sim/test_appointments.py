"""A revision's appointments with its reconciler."""

from sandbox.sim.revision import Revision

KSVC = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: m}
spec: {template: {spec: {containers: [{image: x}]}}}
"""
# Ready and active at 7.84288 s: 67.84288 - 7.84288 is a hair less than 60 in floats
PROFILE = "default: {serviceTime: 50ms, startup: 7.84288s}"


def test_a_stable_window_that_is_over_but_for_a_rounding_is_not_waited_for_without_end(play, monkeypatch):
    looks = []
    reconcile = Revision._reconcile

    def counted(self):
        looks.append(self.context.agenda.now_ns)
        assert len(looks) < 500
        reconcile(self)

    monkeypatch.setattr(Revision, "_reconcile", counted)

    run = play(KSVC, flows=(), duration_s=150, profile=PROFILE)

    assert 67.84288 - 7.84288 < 60
    assert run.last(5).pods("m").last == 0
