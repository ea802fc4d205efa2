"""The kinds of objects, and the schema of each."""

from hutch.kube.schema import (
    CLAIM_SPEC,
    LABELS,
    METADATA,
    NATURAL,
    POD_SPEC,
    STATUS,
    STRING,
    Schema,
    array,
    ignored,
    obj,
    refused,
)

ROLLED_OUT = "play --replace replaces all pods at once"
# The labels by which a workload finds its pods: here it has those that are made of its template.
SELECTOR: Schema = {"type": "object"}
# A template's name is not used, but may stand there.
TEMPLATE_METADATA: Schema = {**METADATA, "required": []}
TEMPLATE = obj("spec", metadata=TEMPLATE_METADATA, spec=POD_SPEC)


def kind(spec: Schema | None = None, **fields: Schema) -> Schema:
    """An object of Kubernetes."""
    own = {"spec": spec} if spec is not None else {}
    needed = ["metadata", *own]
    found = obj(*needed, apiVersion=STRING, kind=STRING, metadata=METADATA, status=STATUS, **own,
                **fields)  # fmt: skip
    return found


def workload(**fields: Schema) -> Schema:
    return kind(obj("template", template=TEMPLATE, selector=SELECTOR, **fields))


KINDS: dict[str, Schema] = {
    "Pod": kind(POD_SPEC),
    "Deployment": workload(
        replicas=NATURAL,
        strategy=ignored(ROLLED_OUT), minReadySeconds=ignored(ROLLED_OUT, 0),
        revisionHistoryLimit=ignored(ROLLED_OUT), progressDeadlineSeconds=ignored(ROLLED_OUT),
        paused=refused("there is no controller that could wait", False),
    ),
    "ReplicaSet": workload(replicas=NATURAL, minReadySeconds=ignored(ROLLED_OUT, 0)),
    "DaemonSet": workload(
        updateStrategy=ignored(ROLLED_OUT), minReadySeconds=ignored(ROLLED_OUT, 0),
        revisionHistoryLimit=ignored(ROLLED_OUT),
    ),
    "StatefulSet": workload(
        replicas=NATURAL,
        volumeClaimTemplates=array(obj(
            "metadata", apiVersion=STRING, kind=STRING, metadata=METADATA, spec=CLAIM_SPEC,
            status=STATUS,
        )),
        serviceName=ignored("pods are found by their own names"),
        podManagementPolicy=ignored("pods are started one after the other", "OrderedReady"),
        updateStrategy=ignored(ROLLED_OUT), minReadySeconds=ignored(ROLLED_OUT, 0),
        revisionHistoryLimit=ignored(ROLLED_OUT),
        persistentVolumeClaimRetentionPolicy=ignored("kube down --force removes volumes"),
        ordinals=obj(start=NATURAL),
    ),
    "Job": workload(
        backoffLimit=NATURAL,
        completions=refused("a job is one pod here", 1, None),
        parallelism=refused("a job is one pod here", 1, None),
        completionMode=refused("a job is one pod here", "NonIndexed"),
        suspend=refused("there is no controller that could wait", False),
        activeDeadlineSeconds=ignored("nothing ends a job but its containers and kube down"),
        ttlSecondsAfterFinished=ignored("kube down removes the job"),
        podFailurePolicy=refused("the restartPolicy says what follows a failure"),
        successPolicy=refused("a job is one pod here"),
        backoffLimitPerIndex=refused("a job is one pod here"),
        maxFailedIndexes=refused("a job is one pod here"),
        podReplacementPolicy=ignored("a pod is not replaced"),
        manualSelector=ignored("a job has the pod that is made of its template", False),
        managedBy=ignored("warren carries it out"),
    ),
    "ConfigMap": kind(data=LABELS, binaryData=LABELS, immutable={"type": "boolean"}),
    "Secret": kind(
        data=LABELS, stringData=LABELS, type=STRING, immutable={"type": "boolean"},
    ),
    "PersistentVolumeClaim": kind(CLAIM_SPEC),
}  # fmt: skip

# Kinds that are passed over with a warning: nothing in the pods depends on them here.
PASSED_OVER = {
    "Service": "publish ports by hostPort or --publish; pods of a network find each other by name",
    **dict.fromkeys(
        ("Ingress", "IngressClass", "Gateway", "HTTPRoute"), "no proxy leads requests to pods here"
    ),
    "Namespace": "there are no namespaces of Kubernetes here",
    **dict.fromkeys(
        ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
        "there is no API server whose use it could allow",
    ),
    **dict.fromkeys(("PersistentVolume", "StorageClass"), "a claim is a volume of its own here"),
    **dict.fromkeys(
        ("HorizontalPodAutoscaler", "PodDisruptionBudget", "PriorityClass"),
        "there is no controller here",
    ),
}
# Kinds that say what must not happen, or what is to happen later: without them, it would not be so.
REFUSED = {
    "NetworkPolicy": "warren has no rules between pods; use networks of their own",
    "CronJob": "warren starts nothing on time; use a timer of the host that plays a Job",
    "ReplicationController": "use a Deployment",
}
