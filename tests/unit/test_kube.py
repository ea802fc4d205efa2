"""Kube files: read, checked and planned, without root and without a container."""

from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hutch.errors import HutchError, UsageError
from hutch.kube.check import check
from hutch.kube.documents import NODES, read
from hutch.kube.errors import KubeError
from hutch.kube.node import Node
from hutch.kube.quantity import parse, quantity, whole, written
from hutch.kube.sources import Sources
from hutch.kube.variables import expand
from hutch.kube.workloads import PodPlan, plans
from hypothesis import given
from hypothesis import strategies as st

CONTAINER = "containers: [{name: c, image: i"
POD = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: "


def pod(spec: str) -> str:
    return POD + "{" + spec + "}}"


def container(fields: str, more: str = "") -> str:
    """A pod with one container that has these fields, too."""
    return pod(f"{CONTAINER}, {fields}}}]" + more)


def played(text: str) -> tuple[list[PodPlan], list[str]]:
    """The pods of a file, and the warnings."""
    warnings: list[HutchError] = []
    documents = check(read(text.encode(), "f"), warnings.append)
    found = plans(documents, Sources(documents), lambda id: Path("/pods"))
    return found, [one.sentence for one in warnings]


def refused(text: str) -> str:
    with pytest.raises((KubeError, UsageError)) as caught:
        played(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1", 1),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("250m", Fraction(1, 4)),
        ("64Mi", 64 << 20),
        ("0.1Gi", Fraction(1 << 30, 10)),
        ("1e3", 1000),
        ("1E3", 1000),
        ("2E", 2 * 10**18),
        ("1k", 1000),
        ("3u", Fraction(3, 10**6)),
        ("7n", Fraction(7, 10**9)),
        ("+4", 4),
        ("-1", -1),
        ("1e-2", Fraction(1, 100)),
        ("5.", 5),
    ],
)
def test_quantities_are_exact(text: str, value: Fraction) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "m", "1 Mi", "1mi", "1K", "0x1", "1e", "1e99999", "9" * 70, "1Ei2", "½", "16Ei", "nan"],
)
def test_what_is_no_quantity(text: str) -> None:
    assert parse(text) is None


@given(st.fractions(min_value=0, max_value=10**15, max_denominator=1000))
def test_a_quantity_is_written_as_it_is_read(value: Fraction) -> None:
    exact = Fraction(round(value * 1000), 1000)
    assert parse(written(exact)) == exact


def test_a_number_of_yaml_is_exact_and_what_is_less_than_a_byte_counts() -> None:
    assert quantity(Node("d", 0.1)) == Fraction(1, 10)
    assert whole(Node("d", "100m")) == 1
    assert whole(Node("d", 1048576)) == 1 << 20
    assert quantity(Node("d", None)) == 0


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    text = """
# nothing
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, creationTimestamp: null}
data: {date: 2001-01-01, mode: "0644", null: no-name}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: b}}
"""
    first, second = read(text.encode(), "f")
    assert first.body["data"] == {"date": "2001-01-01", "mode": "0644", "null": "no-name"}
    assert (first.title, second.title) == ("ConfigMap c", "Secret s")
    assert first.body["metadata"] == {"name": "c"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\na: 2", '"a" stands there twice'),
        ("a: [", "f: line 1, column 5: expected the node content"),
        ("a: \0", "f: character 3: special characters are not allowed"),
        ("- a", "document 1: an object of Kubernetes is wanted"),
        ("a: 1", "document 1: kind: a string is wanted"),
        ("kind: Pod", "document 1: apiVersion: a string is wanted"),
        ("{kind: Pod, apiVersion: v1}", "Pod: metadata.name: a name"),
        ("{kind: Pod, apiVersion: v1, metadata: {name: ../p}}", "metadata.name = \"../p\""),
        ("!!python/object:os.system {}", "could not determine a constructor"),
        (BOMB, f"more than {NODES} values"),
        ("[" * 5000, "f: nested too deeply"),
        ("kind: List\napiVersion: v1\nitems: 3", "items: a list is wanted"),
    ],
)  # fmt: skip
def test_what_is_no_kube_file(text: str, why: str) -> None:
    with pytest.raises((KubeError, UsageError)) as caught:
        read(text.encode(), "f")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            container("imge: x"),
            "Pod p: spec.containers[0].imge: there is no such field (hint: did you mean image?)",
        ),
        (pod("containers: [{name: c}]"), "spec.containers[0].image: this field is missing"),
        (pod("containers: []"), "spec.containers: at least one is wanted"),
        (
            container("env: [{name: A, value: yes}]"),
            "env[0].value = True: a string is wanted (hint: put it in quotes)",
        ),
        (
            container("imagePullPolicy: Sometimes"),
            'must be one of "Always", "IfNotPresent", "Never"',
        ),
        (container("ports: [{containerPort: 70000}]"), "containerPort = 70000: the most is 65535"),
        (container("volumeDevices: []"), "volumeDevices"),
        (container("securityContext: {windowsOptions: {}}"), "containers are those of Linux"),
        (
            pod(f"{CONTAINER}}}], hostUsers: false"),
            "spec.hostUsers = False: pods have no user namespace",
        ),
        (
            container("resources: {limits: {cpu: fast}}"),
            'limits.cpu = "fast": this is not a quantity',
        ),
        (
            container("resources: {limits: {gpu: 1}}"),
            "limits.gpu = 1: warren limits cpu and memory",
        ),
        (
            container("resources: {limits: {cpu: 1}, requests: {cpu: 2}}"),
            "is more than the limit, 1",
        ),
        (
            container("volumeMounts: [{name: v, mountPath: /m}]"),
            "the pod has no volume of this name",
        ),
        (
            container(
                "volumeMounts: [{name: v, mountPath: /m, subPath: ../x}]", ", volumes: [{name: v}]"
            ),
            "subPath",
        ),
        (pod(f"{CONTAINER}}}], volumes: [{{name: v, nfs: {{}}}}]"), "spec.volumes[0].nfs"),
        (
            pod(f"{CONTAINER}}}], volumes: [{{name: v, hostPath: {{path: /a/../b}}}}]"),
            "hostPath.path",
        ),
        (
            pod(f"{CONTAINER}}}], volumes: [{{name: v}}, {{name: v}}]"),
            "another volume of the pod has this name",
        ),
        (
            pod(f"{CONTAINER}}}, {{name: c, image: i}}]"),
            "another container of the pod has this name",
        ),
        (
            container("envFrom: [{configMapRef: {name: none}}]"),
            "no ConfigMap of this name was given",
        ),
        (
            container("env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]"),
            "warren does not know this field",
        ),
        (
            container("livenessProbe: {httpGet: {port: web}}"),
            "the container has no port of this name",
        ),
        (
            container("livenessProbe: {periodSeconds: 3}"),
            "one of exec, httpGet and tcpSocket is wanted",
        ),
        (container("livenessProbe: {tcpSocket: {port: 1}, successThreshold: 2}"), "must be 1"),
        (
            container("livenessProbe: {httpGet: {port: 1, scheme: HTTPS}}"),
            'scheme = "HTTPS": must be one of "HTTP"',
        ),
        (
            container('livenessProbe: {httpGet: {port: 1, path: "/ HTTP/1.0\\r\\nX: y"}}'),
            "this is not a path of HTTP",
        ),
        (container("securityContext: {capabilities: {add: [FLY]}}"), "this is not a capability"),
        (container("securityContext: {runAsGroup: 5}"), "runAsUser is missing"),
        (
            container("securityContext: {privileged: true, allowPrivilegeEscalation: false}"),
            "conflicts with privileged",
        ),
        (
            container(
                "securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../../x}}"
            ),
            "the path must be one below",
        ),
        (
            "{kind: CronJob, apiVersion: batch/v1, metadata: {name: j}}",
            "kind: warren starts nothing on time",
        ),
        ("{kind: Pdo, apiVersion: v1, metadata: {name: j}}", "did you mean Pod?"),
        (
            "{kind: Job, apiVersion: v1, metadata: {name: j}, spec: {template: {spec: "
            "{containers: [{name: c, image: i}]}}}}",
            "spec.template.spec.restartPolicy: of a Job it is OnFailure or Never",
        ),
        (
            "{kind: Secret, apiVersion: v1, metadata: {name: s}, data: {k: '***'}}",
            "data.k: this is not base64",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_an_error_that_names_the_field(text: str, why: str) -> None:
    assert why in refused(text)


def test_what_is_not_carried_out_is_a_warning_that_names_the_field() -> None:
    text = (
        container(
            "lifecycle: {preStop: {exec: {command: [x]}}}, terminationMessagePolicy: File",
            ", tolerations: [], enableServiceLinks: false, serviceAccountName: robot",
        )
        + "\n---\n{kind: Service, apiVersion: v1, metadata: {name: s}, spec: {anything: 1}}"
    )
    _, warnings = played(text)
    assert sorted(one.partition(": ignored")[0] for one in warnings) == [
        "Pod p: spec.containers[0].lifecycle.preStop",
        'Pod p: spec.serviceAccountName = "robot"',
        "Pod p: spec.tolerations",
        "Service s",
    ]


def test_the_value_of_a_secret_is_in_no_error() -> None:
    secret = "{kind: Secret, apiVersion: v1, metadata: {name: s}, %s}"
    for fields in ("stringData: {k: [hush]}", "data: {k: hush!}", "stringData: {hush: 3}"):
        assert "hush" not in refused(secret % fields).replace(".hush", "")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(B)", "$(B)"),
        ("$A", "$A"),
        ("$$", "$"),
        ("$(A", "$(A"),
        ("x$(A)y$(A)", "x1y1"),
        ("$()", "$()"),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


WORKLOAD = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: w}}
spec:
  replicas: 2
  template:
    metadata: {{labels: {{a: b}}}}
    spec:
      containers: [{{name: c, image: i, volumeMounts: [{{name: d, mountPath: /d}}]}}]
      volumes: [{more}]
"""


def test_workloads_become_pods() -> None:
    found, _ = played(WORKLOAD.format(kind="Deployment", more="{name: d}"))
    assert [(one.name, one.options["labels"]) for one in found] == [
        ("w-pod", {"a": "b"}), ("w-pod-1", {"a": "b"}),
    ]  # fmt: skip
    assert [one.containers[0].options.restart for one in found] == ["always"] * 2
    claims = "  volumeClaimTemplates: [{metadata: {name: d}, spec: {}}]\n"
    found, _ = played(WORKLOAD.format(kind="StatefulSet", more="") + claims)
    assert [(one.name, one.containers[0].options.mounts[0]["source"]) for one in found] == [
        ("w-0", "d-w-0"), ("w-1", "d-w-1"),
    ]  # fmt: skip
    job = WORKLOAD.replace("  replicas: 2\n", "  backoffLimit: 3\n")
    job = job.replace("    spec:\n", "    spec:\n      restartPolicy: OnFailure\n")
    (found_job,), _ = played(job.format(kind="Job", more="{name: d}"))
    options = found_job.containers[0].options
    assert (found_job.name, options.restart, options.restart_limit) == ("w-pod", "on-failure", 3)


def test_a_generated_text_is_read_as_it_was() -> None:
    from hutch.kube.generate import Dumper
    from hutch.kube.generate_container import escaped

    for text in (
        "$(A)",
        "$$(A)",
        "a $A $$ b",
        "yes",
        "1e3",
        "two\nlines\n",
        "tab\there\n",
        "2001-01-01",
    ):
        written_text = yaml.dump({"a": escaped(text)}, Dumper=Dumper)
        (value,) = yaml.safe_load(written_text).values()
        assert expand(value, {"A": "1"}) == text
