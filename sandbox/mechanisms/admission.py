"""What Knative's webhooks refuse beyond the shape of an object: autoscaling annotations and autoscaler settings.

Hooks for `sandbox.manifests.reader` (which may not import mechanisms): an object comes in, refusals with the path
of the offending value go out, so that messages name file, line and column. Mirrors knative/serving
pkg/apis/serving/v1 (template validation) and the webhook of config-autoscaler and config-gc.

Leaves out: rules that need the cluster's own config-autoscaler (zero initial scale, a limit on max-scale): these
annotations are ignored when the revision is made, as upstream does when one gets past admission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from sandbox.errors import UsageError
from sandbox.manifests.admission import Admission, Path, Refusal
from sandbox.manifests.objects import ConfigMap, InferenceService, KnativeService, Object
from sandbox.mechanisms.autoscaling.annotation_validation import PREFIX, AnnotationError, validate_annotations
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig, ConfigRefused, parse_autoscaler_config
from sandbox.mechanisms.rollout.kserve import DROPPED_ANNOTATIONS
from sandbox.mechanisms.rollout.revision_gc import GcConfigError, parse_gc_config

_LENIENT = AutoscalerConfig(allow_zero_initial_scale=True)


def annotations_of_templates(one: Object) -> Iterator[Refusal]:
    """The autoscaling annotations that would reach a revision template."""
    if isinstance(one, KnativeService):
        yield from _refusals(one.template.annotations, lambda key: ("spec", "template", "metadata", "annotations", key))
    if isinstance(one, InferenceService) and one.deployment_mode == "Knative":
        inherited = {key: text for key, text in one.metadata.annotations.items() if key not in DROPPED_ANNOTATIONS}
        for component in (one.predictor, one.transformer):
            if component is not None:
                yield from _component(inherited, component.name, component.pod.annotations)


def _component(inherited: Mapping[str, str], name: str, own: Mapping[str, str]) -> Iterator[Refusal]:
    def place(key: str) -> Path:
        return ("spec", name, "annotations", key) if key in own else ("metadata", "annotations", key)

    yield from _refusals({**inherited, **own}, place)


def _refusals(annotations: Mapping[str, str], place: Callable[[str], Path]) -> Iterator[Refusal]:
    for error in validate_annotations(annotations, _LENIENT):
        key = PREFIX + error.key
        yield Refusal(
            path=place(key),
            what=f"annotation {key} is refused",
            rule=rule_of(error),
            value=error.value,
            next_step="correct the annotation or leave it out: the cluster's setting holds then",
        )


def rule_of(error: AnnotationError) -> str:
    """The rule an annotation breaks, in words.

    >>> rule_of(AnnotationError("window", "out_of_bounds", "2s", 6, 3600))
    'window lies between 6 and 3600'
    """
    low = "" if error.min is None else f"{error.min:g}"
    high = "" if error.max is None else f"{error.max:g}"
    rules = {
        "invalid": "has a value of the right kind, written as the documentation says",
        "out_of_bounds": f"lies between {low} and {high}",
        "too_small": f"is at least {low}",
        "too_precise": "is a whole number of seconds",
        "max_below_min": f"is 0 (no maximum) or at least {error.other_key}",
        "unlimited_over_limit": f"is between 1 and the cluster's limit {high}",
        "below_min_scale": "is at least min-scale",
        "above_max_scale": "is at most max-scale",
        "zero_not_allowed": "is above 0, unless config-autoscaler allows zero",
        "negative": "is not negative",
    }
    return f"{error.key} {rules[error.kind]}"


def settings(one: Object) -> Iterable[Refusal]:
    """config-autoscaler and config-gc, parsed as the components would."""
    if not isinstance(one, ConfigMap):
        return
    try:
        if one.metadata.name == "config-autoscaler":
            parse_autoscaler_config(one.data)
        elif one.metadata.name == "config-gc":
            parse_gc_config(one.data)
    except (ConfigRefused, GcConfigError) as error:
        yield _refused_setting(error, error.keys)


def _refused_setting(error: UsageError, keys: tuple[str, ...]) -> Refusal:
    return Refusal(
        path=("data", keys[0]),
        what=error.what,
        rule=error.rule or "",
        value=error.value,
        next_step="correct it; a running cluster would keep its old settings",
    )


ADMISSION: tuple[Admission, ...] = (annotations_of_templates, settings)
