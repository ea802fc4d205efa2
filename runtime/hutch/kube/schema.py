"""What a field of a kube file can be: JSON Schema, and whether warren carries it out.

Two keywords are ours. A field with ``ignored`` is accepted with a warning that gives the reason;
one with ``refused`` is an error. Neither is said of a value in ``but``: that is how things are.
"""

from typing import NotRequired, TypedDict


class Schema(TypedDict, total=False):
    """A schema; the keywords of it that are used here."""

    type: str | list[str]
    properties: dict[str, "Schema"]
    required: list[str]
    additionalProperties: "bool | Schema"
    items: "Schema"
    enum: list[object]
    pattern: str
    minimum: int
    maximum: int
    maxLength: int
    minItems: int
    ignored: NotRequired[str]
    refused: NotRequired[str]
    but: NotRequired[list[object]]


STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
NATURAL: Schema = {"type": "integer", "minimum": 0}
POSITIVE: Schema = {"type": "integer", "minimum": 1}
ID: Schema = {"type": "integer", "minimum": 0, "maximum": (1 << 31) - 1}
MODE: Schema = {"type": "integer", "minimum": 0, "maximum": 0o777}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
PORT_OR_NAME: Schema = {"type": ["integer", "string"]}
QUANTITY: Schema = {"type": ["string", "integer", "number"]}
LABELS: Schema = {"type": "object", "additionalProperties": STRING}
LABEL_NAME: Schema = {
    "type": "string",
    "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "maxLength": 63,
}
# The server's, not the writer's: what is there when a file was got from a cluster.
STATUS: Schema = {}


def obj(*needed: str, **fields: Schema) -> Schema:
    """An object with these fields, and no others."""
    found: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    if needed:
        found["required"] = list(needed)
    return found


def array(item: Schema, **more: int) -> Schema:
    found: Schema = {"type": "array", "items": item}
    if "minItems" in more:
        found["minItems"] = more["minItems"]
    return found


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": [*values]}


def ignored(reason: str, *but: object) -> Schema:
    return {"ignored": reason, "but": [*but]}


def refused(reason: str, *but: object) -> Schema:
    return {"refused": reason, "but": [*but]}


SCHEDULED = "there is one machine, so nothing is scheduled"
SERVED = "there is no API server that a container could ask"
WINDOWS = refused("containers are those of Linux")

METADATA = obj(
    "name",
    name=STRING,
    labels=LABELS,
    annotations=LABELS,
    namespace=ignored("there are no namespaces of Kubernetes here", "default"),
    generateName=STATUS, uid=STATUS, resourceVersion=STATUS, generation=STATUS, selfLink=STATUS,
    creationTimestamp=STATUS, deletionTimestamp=STATUS, managedFields=STATUS,
    ownerReferences=STATUS, deletionGracePeriodSeconds=STATUS,
    finalizers=ignored("nothing waits for them"),
)  # fmt: skip

KEY_OF = obj("key", name=STRING, key=STRING, optional=BOOLEAN)
FIELD = obj("fieldPath", apiVersion=STRING, fieldPath=STRING)
RESOURCE = obj("resource", containerName=STRING, resource=STRING, divisor=QUANTITY)
ENVIRONMENT = array(obj(
    "name",
    name=STRING,
    value=STRING,
    valueFrom=obj(
        configMapKeyRef=KEY_OF, secretKeyRef=KEY_OF, fieldRef=FIELD, resourceFieldRef=RESOURCE,
        fileKeyRef=refused("warren does not read variables from files of a volume"),
    ),
))  # fmt: skip
NAME_OF = obj(name=STRING, optional=BOOLEAN)
ENVIRONMENTS = array(obj(prefix=STRING, configMapRef=NAME_OF, secretRef=NAME_OF))

PROBE = obj(
    exec=obj("command", command=array(STRING, minItems=1)),
    httpGet=obj(
        "port",
        path=STRING, port=PORT_OR_NAME, host=STRING,
        scheme={"enum": ["HTTP"], "type": "string"},
        httpHeaders=array(obj("name", "value", name=STRING, value=STRING)),
    ),
    tcpSocket=obj("port", port=PORT_OR_NAME, host=STRING),
    grpc=refused("warren has no gRPC: use exec, httpGet or tcpSocket"),
    initialDelaySeconds=NATURAL, periodSeconds=POSITIVE, timeoutSeconds=POSITIVE,
    successThreshold=POSITIVE, failureThreshold=POSITIVE, terminationGracePeriodSeconds=POSITIVE,
)  # fmt: skip

SECCOMP = obj(
    "type", type=one_of("RuntimeDefault", "Unconfined", "Localhost"), localhostProfile=STRING
)
APPARMOR = obj(
    "type", type=one_of("RuntimeDefault", "Unconfined", "Localhost"), localhostProfile=STRING
)
SELINUX = obj(user=STRING, role=STRING, type=STRING, level=STRING)
SHARED_SECURITY = {
    "runAsUser": ID, "runAsGroup": ID, "runAsNonRoot": BOOLEAN, "seccompProfile": SECCOMP,
    "appArmorProfile": APPARMOR, "seLinuxOptions": SELINUX, "windowsOptions": WINDOWS,
}  # fmt: skip
SECURITY = obj(
    **SHARED_SECURITY,
    allowPrivilegeEscalation=BOOLEAN,
    capabilities=obj(add=array(STRING), drop=array(STRING)),
    privileged=BOOLEAN,
    procMount=one_of("Default", "Unmasked"),
    readOnlyRootFilesystem=BOOLEAN,
)
POD_SECURITY = obj(
    **SHARED_SECURITY,
    fsGroup=ID,
    fsGroupChangePolicy=ignored("groups of volumes are set whenever a pod is made", "Always"),
    supplementalGroups=array(ID),
    supplementalGroupsPolicy=refused("groups of the image's /etc/group are given, too", "Merge"),
    seLinuxChangePolicy=ignored("volumes are not labelled", "MountOption"),
    sysctls=array(obj("name", "value", name=STRING, value=STRING)),
)

QUANTITIES: Schema = {"type": "object", "additionalProperties": QUANTITY}
RESOURCES = obj(
    limits=QUANTITIES, requests=QUANTITIES,
    claims=refused("there are no drivers of devices here; give a device by a hostPath"),
)  # fmt: skip

MOUNT = obj(
    "name", "mountPath",
    name=STRING, mountPath=STRING, readOnly=BOOLEAN, subPath=STRING, subPathExpr=STRING,
    mountPropagation=one_of("None", "HostToContainer", "Bidirectional"),
    recursiveReadOnly=refused("mounts below the volume stay writable", "Disabled", "IfPossible"),
)  # fmt: skip

CONTAINER = obj(
    "name", "image",
    name=LABEL_NAME, image=STRING,
    imagePullPolicy=one_of("Always", "IfNotPresent", "Never"),
    command=array(STRING), args=array(STRING), workingDir=STRING,
    env=ENVIRONMENT, envFrom=ENVIRONMENTS,
    ports=array(obj(
        "containerPort",
        name=STRING, containerPort=PORT, hostPort=PORT, hostIP=STRING,
        protocol=one_of("TCP", "UDP"),
    )),
    livenessProbe=PROBE, readinessProbe=PROBE, startupProbe=PROBE,
    resources=RESOURCES,
    securityContext=SECURITY,
    volumeMounts=array(MOUNT),
    volumeDevices=refused("give the device by a hostPath of the type BlockDevice"),
    stdin=BOOLEAN, stdinOnce=BOOLEAN, tty=BOOLEAN,
    lifecycle=obj(
        postStart=ignored("warren runs no hooks of Kubernetes"),
        preStop=ignored("warren runs no hooks of Kubernetes"),
        stopSignal=STRING,
    ),
    restartPolicy=refused("a container has the restartPolicy of its pod"),
    restartPolicyRules=refused("a container has the restartPolicy of its pod"),
    resizePolicy=ignored("warren update changes limits"),
    terminationMessagePath=ignored("nobody reads it; see warren logs", "/dev/termination-log"),
    terminationMessagePolicy=ignored("nobody reads it; see warren logs", "File"),
)  # fmt: skip

ITEMS = array(obj("key", "path", key=STRING, path=STRING, mode=MODE))
DOWNWARD = array(obj("path", path=STRING, fieldRef=FIELD, resourceFieldRef=RESOURCE, mode=MODE))
CLAIM_SPEC = obj(
    # On one machine a volume can be used as each of these says.
    accessModes=array(one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
    resources=obj(
        requests=obj(storage=ignored("volumes of warren have no size")),
        limits=obj(storage=ignored("volumes of warren have no size")),
    ),
    storageClassName=ignored("volumes of warren are folders of this machine", ""),
    volumeMode=refused("volumes of warren are folders", "Filesystem"),
    volumeName=ignored("a claim is a volume of the claim's name"),
    selector=ignored("a claim is a volume of the claim's name"),
    dataSource=refused("a new volume is empty"),
    dataSourceRef=refused("a new volume is empty"),
    volumeAttributesClassName=ignored("volumes of warren are folders of this machine"),
)
ELSEWHERE = refused(
    "warren mounts no storage of other machines; mount it on the host, then hostPath"
)
VOLUME = obj(
    "name",
    name=LABEL_NAME,
    configMap=obj(name=STRING, defaultMode=MODE, optional=BOOLEAN, items=ITEMS),
    secret=obj(secretName=STRING, defaultMode=MODE, optional=BOOLEAN, items=ITEMS),
    downwardAPI=obj(defaultMode=MODE, items=DOWNWARD),
    projected=obj(
        defaultMode=MODE,
        sources=array(obj(
            configMap=obj(name=STRING, optional=BOOLEAN, items=ITEMS),
            secret=obj(name=STRING, optional=BOOLEAN, items=ITEMS),
            downwardAPI=obj(items=DOWNWARD),
            serviceAccountToken=refused(SERVED),
            clusterTrustBundle=refused(SERVED),
            podCertificate=refused(SERVED),
        )),
    ),
    emptyDir=obj(medium=one_of("", "Memory"), sizeLimit=QUANTITY),
    hostPath=obj("path", path=STRING, type=one_of(
        "", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket", "CharDevice",
        "BlockDevice",
    )),
    persistentVolumeClaim=obj("claimName", claimName=STRING, readOnly=BOOLEAN),
    image=obj("reference", reference=STRING,
              pullPolicy=one_of("Always", "IfNotPresent", "Never")),
    ephemeral=refused("use an emptyDir, or a persistentVolumeClaim"),
    **dict.fromkeys(
        ("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc",
         "flexVolume", "flocker", "gcePersistentDisk", "gitRepo", "glusterfs", "iscsi", "nfs",
         "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
         "vsphereVolume"),
        ELSEWHERE,
    ),
)  # fmt: skip

POD_SPEC = obj(
    "containers",
    containers=array(CONTAINER, minItems=1),
    initContainers=array(CONTAINER),
    volumes=array(VOLUME),
    restartPolicy=one_of("Always", "OnFailure", "Never"),
    terminationGracePeriodSeconds=NATURAL,
    hostNetwork=BOOLEAN, hostPID=BOOLEAN, hostIPC=BOOLEAN, shareProcessNamespace=BOOLEAN,
    hostname=LABEL_NAME,
    hostAliases=array(obj("ip", ip=STRING, hostnames=array(STRING))),
    dnsPolicy=one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    dnsConfig=obj(
        nameservers=array(STRING), searches=array(STRING),
        options=array(obj("name", name=STRING, value=STRING)),
    ),
    securityContext=POD_SECURITY,
    os=obj("name", name=one_of("linux")),
    activeDeadlineSeconds=ignored("nothing ends a pod but its containers and warren pod stop"),
    automountServiceAccountToken=ignored(SERVED, False),
    serviceAccount=ignored(SERVED), serviceAccountName=ignored(SERVED),
    enableServiceLinks=ignored("there are no services whose variables could be set", False),
    imagePullSecrets=ignored("credentials are those of warren login"),
    subdomain=ignored("a pod has its own name only"),
    setHostnameAsFQDN=ignored("a pod has its own name only", False),
    hostUsers=refused("pods have no user namespace of their own", True),
    hostnameOverride=refused("give hostname"),
    runtimeClassName=ignored("containers run by hutch"),
    resources=refused("limits are those of the containers"),
    resourceClaims=refused("there are no drivers of devices here; give a device by a hostPath"),
    ephemeralContainers=refused("use warren exec"),
    **dict.fromkeys(
        ("affinity", "nodeName", "nodeSelector", "overhead", "preemptionPolicy", "priority",
         "priorityClassName", "readinessGates", "schedulerName", "schedulingGates", "tolerations",
         "topologySpreadConstraints"),
        ignored(SCHEDULED),
    ),
)  # fmt: skip
