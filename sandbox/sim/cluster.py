"""The cluster: every object that was applied, and the controllers that act on it.

`apply` and `delete` dispatch on the kind; `target` finds an object the way kubectl names it ("isvc/ranker").
The controllers are wired here and nowhere else: a changed share reaches the gateway, a changed Knative Service
reaches KServe, a changed ConfigMap reaches whoever reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.errors import UsageError
from sandbox.journal.schema import RecordKind
from sandbox.manifests.cache_config import CONFIG, ENABLED, CacheConfig, parse_cache_config
from sandbox.manifests.objects import (
    ConfigMap,
    Container,
    Deployment,
    InferenceService,
    KnativeService,
    Node,
    Object,
    PodTemplate,
    Secret,
    Service,
    VirtualService,
)
from sandbox.manifests.platform_config import platform_config
from sandbox.manifests.tenancy import AuthorizationPolicy, LimitRange, Namespace, ResourceQuota, ServiceAccount
from sandbox.mechanisms.autoscaling.annotations import revision_scaling
from sandbox.mechanisms.autoscaling.config import parse_autoscaler_config
from sandbox.mechanisms.rollout.revision_gc import GcConfig, parse_gc_config
from sandbox.mechanisms.tenancy import rbac
from sandbox.scenario.targets import keys_of, kinds_of
from sandbox.sim import columns as c
from sandbox.sim.context import Context
from sandbox.sim.deployments import Deployments
from sandbox.sim.gateway import Gateway
from sandbox.sim.harvest import Harvest
from sandbox.sim.knative import Knative, ServiceState
from sandbox.sim.kserve import KServe
from sandbox.sim.mesh import Mesh
from sandbox.sim.pod import Pod
from sandbox.sim.pods import Pool
from sandbox.sim.revision import Revision
from sandbox.sim.workload import Identity, Limits, Workload, Workloads

STANDARD = "Standard"
ADMINISTRATOR = "system:admin"


class Cluster:
    """All objects and controllers of one run."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.harvest = Harvest(context)
        self.workloads = Workloads(context, self.harvest.pod_changed)
        self.mesh = Mesh(context, lambda: self.workloads.all, self._path)
        context.namespaces.on_used = self._quota_used
        self.revisions: list[Revision] = []
        self.knative = Knative(context, self._make_revision, self._routes_changed, GcConfig())
        self.kserve = KServe(context, self.knative)
        self.deployments = Deployments(context, self._make_deployment, self._routes_changed)
        self.gateway = Gateway(
            context, self.knative, self.kserve, self.deployments.selected, self.deployments.standard_rows
        )

    # ---- objects

    def apply_all(self, objects: Iterable[Object]) -> None:
        """Apply many at once: settings, nodes and namespaces first, as an administrator would have done before."""
        first = (ConfigMap, Node, Namespace, LimitRange, ResourceQuota, ServiceAccount, Secret, AuthorizationPolicy)
        in_order = list(objects)
        for one in [one for one in in_order if isinstance(one, first)] + [
            one for one in in_order if not isinstance(one, first)
        ]:
            self.apply(one)

    def apply(self, one: Object) -> None:
        """What `kubectl apply` does with one object."""
        known = one.key in self.objects
        self.objects[one.key] = one
        self.context.record(
            RecordKind.OBJECT,
            object=f"{one.key[0].lower()}/{one.metadata.name}",
            event="updated" if known else "created",
        )
        namespace, name = one.metadata.namespace, one.metadata.name
        match one:
            case ConfigMap():
                self._configure(one)
            case Node():
                self.workloads.node_changed(self.context.nodes.add(one), one)
            case Namespace() | LimitRange() | ResourceQuota() | ServiceAccount() | Secret():
                self.context.namespaces.apply(one)
                self.mesh.refresh()
            case AuthorizationPolicy():
                self.mesh.apply(one)
            case VirtualService():
                self.gateway.virtual_services[(namespace, name)] = one
                self.gateway.refresh()
            case Service():
                self.gateway.services[(namespace, name)] = one
                self.gateway.refresh()
            case Deployment():
                self.deployments.apply(one)
            case KnativeService():
                self.knative.apply(one)
            case InferenceService():
                if one.deployment_mode == STANDARD:
                    self.deployments.apply_standard(one)
                else:
                    self.kserve.apply(one)
                self.gateway.refresh()
            case _:
                pass  # kept, not acted on; the reader has said so

    def delete(self, target: str) -> None:
        """What `kubectl delete` does."""
        one = self.target(target)
        del self.objects[one.key]
        namespace, name = one.metadata.namespace, one.metadata.name
        self.context.record(RecordKind.OBJECT, object=f"{one.key[0].lower()}/{name}", event="deleted")
        match one:
            case VirtualService():
                self.gateway.virtual_services.pop((namespace, name), None)
            case Service():
                self.gateway.services.pop((namespace, name), None)
            case Deployment():
                self.deployments.delete(namespace, name)
            case KnativeService():
                self.knative.delete(namespace, name)
            case InferenceService():
                if not self.deployments.delete_standard(namespace, name):
                    self.kserve.delete(namespace, name)
            case Namespace() | LimitRange() | ResourceQuota() | ServiceAccount() | Secret():
                self.context.namespaces.delete(one)
                self.mesh.refresh()
            case AuthorizationPolicy():
                self.mesh.delete(one)
            case _:
                pass
        self.gateway.refresh()

    def target(self, text: str) -> Object:
        """The object that "kind/name" or "kind/name.namespace" means."""
        found = next((self.objects[key] for key in keys_of(text) if key in self.objects), None)
        if found is None:
            known = ", ".join(sorted(f"{key[0]}/{key[2]}" for key in self.objects)) or "nothing"
            raise UsageError(
                f"there is no {text!r} in the cluster",
                rule="kind/name or kind/name.namespace of an object that was applied",
                value=text,
                next_step=f"applied so far: {known}",
            )
        return found

    def get(self, target: str, user: str) -> tuple[int, str]:
        """What `kubectl get --as user` is answered: the API server's status and message."""
        key = next((key for key in keys_of(target) if key in self.objects), keys_of(target)[-1])
        request = rbac.request_for(user or ADMINISTRATOR, "get", *key)
        if not rbac.allowed(request, self.objects.values()):
            return 403, rbac.denial(request)
        if key not in self.objects:
            return 404, f'{request.resource} "{request.name}" not found'
        return 200, f"{request.resource}/{request.name}"

    def _quota_used(self, quota: ResourceQuota, used: Mapping[str, int]) -> None:
        self.context.record(
            RecordKind.OBJECT,
            object=f"resourcequota/{quota.metadata.name}",
            event="status",
            namespace=quota.metadata.namespace,
            hard=dict(quota.hard),
            used=dict(used),
        )

    def _configure(self, config: ConfigMap) -> None:
        name = config.metadata.name
        if name == "config-autoscaler":
            self.context.autoscaler = parse_autoscaler_config(config.data)
        elif name == "config-gc":
            self.knative.gc = parse_gc_config(config.data)
        else:
            self.context.platform = platform_config([config], self.context.platform)

    # ---- workloads

    def _make_revision(self, state: ServiceState, name: str) -> Revision:
        template = state.spec.template
        platform = self.context.platform
        limit = template.container_concurrency
        concurrency = platform.container_concurrency if limit is None else limit
        timeout_s = template.timeout_s if template.timeout_s is not None else platform.revision_timeout_s
        namespace = state.spec.metadata.namespace
        cache = self._cache(template.annotations, namespace) if state.component == "transformer" else None
        workload = self.workloads.make(
            Identity(
                name=name,
                service=state.owner or state.name,
                component=state.component,
                namespace=namespace,
                owner=state.owner,
            ),
            template.pod,
            Limits(
                container_concurrency=concurrency,
                timeout_s=timeout_s,
                grace_s=timeout_s,
                sidecars=(
                    Container(
                        name="queue-proxy",
                        requests=platform.queue_sidecar_requests,
                        limits=platform.queue_sidecar_limits,
                    ),
                ),
            ),
            self._facts(template.pod, state.owner or state.name, state.component, namespace, name),
            cache,
        )
        self.mesh.refresh()
        if state.component == "transformer":
            route = self.gateway.inner_route(namespace, f"{state.owner}-predictor")
            self.context.plane.state.revs[workload.row, c.R_INNER_ROUTE] = route
        scaling = revision_scaling(
            template.annotations, self.context.autoscaler, concurrency, platform.progress_deadline_s
        )
        revision = Revision(self.context, workload, scaling, concurrency, template.annotations)
        self.revisions.append(revision)
        return revision

    def _make_deployment(self, identity: Identity, template: PodTemplate, limits: Limits) -> Workload:
        own = self._facts(template, identity.service, identity.component, identity.namespace, identity.name)
        workload = self.workloads.make(identity, template, limits, own)
        self.mesh.refresh()
        return workload

    def _path(self, workload: Workload) -> str:
        """What an inference request to a workload asks for, in the protocol that its predictor speaks."""
        identity = workload.identity
        owner = self.objects.get(("InferenceService", identity.namespace, identity.owner))
        if not isinstance(owner, InferenceService):
            return "/"
        if owner.predictor.protocol_version == "v2":
            return f"/v2/models/{identity.owner}/infer"
        return f"/v1/models/{identity.owner}:predict"

    def _facts(
        self, template: PodTemplate, service: str, component: str, namespace: str, revision: str
    ) -> dict[str, str]:
        """What a profile can match a workload by."""
        owner = self.objects.get(("InferenceService", namespace, service))
        model_format = ""
        if isinstance(owner, InferenceService) and component == "predictor":
            model_format = owner.predictor.model_format
        return {
            "name": service,
            "component": component,
            "revision": revision,
            "image": template.containers[0].image if template.containers else "",
            "storageUri": template.storage_uri,
            "modelFormat": model_format,
        }

    def _cache(self, annotations: Mapping[str, str], namespace: str) -> CacheConfig | None:
        """The response cache that a transformer's annotations declare; without a ConfigMap, the defaults."""
        if annotations.get(ENABLED) != "true":
            return None
        name = annotations.get(CONFIG, "")
        if not name:
            return CacheConfig()
        config = self.objects.get(("ConfigMap", namespace, name))
        if not isinstance(config, ConfigMap):
            raise UsageError(
                f"the cache's ConfigMap {name!r} is not there",
                rule=f"{CONFIG} names a ConfigMap of namespace {namespace}",
                next_step="add the ConfigMap to the manifests, before or beside the InferenceService",
            )
        return parse_cache_config(config)

    def _routes_changed(self) -> None:
        self.gateway.refresh()

    # ---- for the run

    def by_row(self, row: int) -> Revision | None:
        """The revision with that row in the data plane."""
        return next((one for one in self.revisions if one.workload.row == row), None)

    def second(self) -> None:
        """Everything that happens at the end of each second."""
        for revision in self.revisions:
            revision.second()
        now_ns = self.context.agenda.now_ns
        for deployment in self.deployments.all.values():
            deployment.meter.pods(now_ns)

    @property
    def settled(self) -> bool:
        return self.deployments.settled and all(one.settled for one in self.revisions if not one.removed)

    def pools(self, target: str, component: str) -> list[Pool]:
        """The pools a fault is aimed at: revision/NAME, deployment/NAME, isvc/NAME or ksvc/NAME.

        Of a service, the revisions that its route refers to; of an InferenceService those of `component`.
        """
        kind, _, named = target.partition("/")

        def meant(identity: Identity, name: str) -> bool:
            return named in (name, f"{name}.{identity.namespace}")

        if kind == "revision" or kinds_of(target) == ("Deployment",):
            found = [one for one in self.workloads.all if meant(one.identity, one.identity.name)]
        else:
            found = [
                one.workload
                for one in self.revisions
                if meant(one.workload.identity, one.workload.identity.service)
                and one.workload.identity.component in (component, "")
                and not one.removed
                and one.routing == "active"
            ]
        if not found:
            self.target(target)
        return [one.pool for one in found]


def ready_pods(pools: Iterable[Pool]) -> list[tuple[Pool, Pod]]:
    """Ready pods of some pools, oldest first."""
    found = [(pool, pod) for pool in pools for pod in pool.ready_pods()]
    return sorted(found, key=lambda pair: pair[1].number)
