"""The verbs and nouns of warren: what each is called, the module that has it, what it does."""

from hutch.errors import UsageError, shown

# {group: {verb: (module, what it does)}}, in the order of --help.
GROUPS = {
    "Containers": {
        "run": ("run", "Make a container of an image and start it"),
        "create": ("run", "Make a container, without starting it"),
        "start": ("run", "Start containers"),
        "stop": ("containers", "End containers: by SIGTERM, then by SIGKILL"),
        "restart": ("containers", "Stop containers and start them again"),
        "kill": ("containers", "Send a signal to containers"),
        "rm": ("containers", "Remove containers"),
        "pause": ("containers", "Freeze containers"),
        "unpause": ("containers", "Let frozen containers go on"),
        "rename": ("containers", "Give a container another name"),
        "update": ("look", "Change containers' limits"),
        "wait": ("containers", "Wait until containers have ended, print their exit codes"),
    },
    "Programs and files in containers": {
        "attach": ("run", "Join a running container's input and output"),
        "exec": ("execute", "Run another program in a container"),
        "cp": ("files", "Copy files between a container and the host"),
        "export": ("files", "Write a container's root file system as a tar archive"),
        "commit": ("files", "Make an image of a container's changes"),
    },
    "What containers do": {
        "ps": ("ps", "List containers"),
        "logs": ("containers", "Show what a container has written"),
        "inspect": ("inspect", "Show what is known of containers, images or volumes, as JSON"),
        "top": ("containers", "Show a container's processes"),
        "stats": ("look", "Show the CPU, memory, network and disk use of containers"),
        "port": ("look", "Show a container's published ports"),
        "diff": ("look", "Show what a container has changed"),
        "events": ("look", "Show what happens to containers"),
    },
    "Images": {
        "images": ("images", "List images"),
        "pull": ("pull", "Download an image from a registry"),
        "build": ("build", "Make an image from a Dockerfile"),
        "push": ("push", "Upload an image to a registry"),
        "rmi": ("images", "Remove images"),
        "tag": ("images", "Give an image another name"),
        "history": ("inspect", "Show how an image was made, layer by layer"),
        "save": ("archives", "Write images to an archive"),
        "load": ("archives", "Read images from an archive"),
        "import": ("archives", "Make an image from a tar archive of a root file system"),
        "bundle": ("bundle", "Make an OCI bundle of an image, for use with hutch run"),
        "search": ("search", "Search registries for images"),
        "login": ("login", "Log in to a registry"),
        "logout": ("login", "Log out from a registry"),
    },
    "This machine": {
        "info": ("look", "Show what there is, and what it runs on"),
        "version": ("version", "Show the version"),
        "compose": ("compose", "Run the real docker compose on this store"),
        "serve": ("serve", "Answer Docker's clients: its Engine API on a socket"),
        "completion": ("completion", "Print the completion script for bash, zsh or fish"),
    },
}
VERBS = {verb: row for group in GROUPS.values() for verb, row in group.items()}

# The verbs that only their noun has.
NOUN_VERBS = {
    "builder prune": ("build", "Remove the cache of builds"),
    "container inspect": ("inspect", "Show what is known of containers, as JSON"),
    "container prune": ("containers", "Remove containers that do not run"),
    "image inspect": ("inspect", "Show what is known of images, as JSON"),
    "image prune": ("images", "Remove images that have no name"),
    "kube down": ("kube", "Stop and remove the pods of a kube file"),
    "kube generate": ("kube", "Print a kube file of pods or containers"),
    "kube play": ("kube", "Make and start the pods of a kube file"),
    "network connect": ("networks", "Put a container into a network"),
    "network create": ("networks", "Make a network"),
    "network disconnect": ("networks", "Take a container out of a network"),
    "network inspect": ("networks", "Show what is known of networks, as JSON"),
    "network ls": ("networks", "List networks"),
    "network prune": ("networks", "Remove networks that no container is in"),
    "network rm": ("networks", "Remove networks"),
    "pod create": ("pod", "Make a pod, without starting it"),
    "pod exists": ("pod", "Exit with 0 if there is such a pod, else with 1"),
    "pod inspect": ("pod_look", "Show what is known of pods, as JSON"),
    "pod kill": ("pod", "Send a signal to the containers of pods"),
    "pod logs": ("pod_look", "Show what the containers of a pod have written"),
    "pod ls": ("pod_look", "List pods"),
    "pod pause": ("pod", "Freeze pods"),
    "pod prune": ("pod", "Remove pods that do not run"),
    "pod restart": ("pod", "Stop pods and start them again"),
    "pod rm": ("pod", "Remove pods with their containers"),
    "pod start": ("pod", "Start pods"),
    "pod stats": ("pod_look", "Show what the containers of pods use"),
    "pod stop": ("pod", "Stop the containers of pods"),
    "pod top": ("pod_look", "Show the processes of a pod"),
    "pod unpause": ("pod", "Let frozen pods go on"),
    "system apparmor": ("system", "Load hutch-default, the AppArmor profile for containers"),
    "system boot": ("boot", "Start the containers that are to run after a boot"),
    "system check": ("system", "Verify everything in the store"),
    "system df": ("system", "Show how much disk space images, containers and volumes use"),
    "system install": ("boot", "Write a systemd unit that starts containers after a boot"),
    "system prune": ("system", "Remove what nothing needs"),
    "system uninstall": ("boot", "Remove the systemd unit that starts containers"),
    "volume create": ("volumes", "Make a volume"),
    "volume inspect": ("volumes", "Show what is known of volumes, as JSON"),
    "volume ls": ("volumes", "List volumes"),
    "volume prune": ("volumes", "Remove volumes that no container uses"),
    "volume rm": ("volumes", "Remove volumes"),
}

# The verbs that the static executable carries out: they need no shared object, and start no Python.
EVERYDAY = {
    "attach", "container cleanup", "container inspect", "container prune", "create", "diff",
    "events", "exec", "export", "history", "image inspect", "image prune", "images", "info",
    "inspect", "kill", "logs", "network connect", "network create", "network disconnect",
    "network inspect", "network ls", "network prune", "network rm", "pause", "pod exists",
    "pod inspect", "pod kill", "pod logs", "pod ls", "pod pause", "pod prune", "pod restart",
    "pod rm", "pod start", "pod stats", "pod stop", "pod top", "pod unpause", "port", "ps",
    "rename", "restart", "rm", "rmi", "run", "start", "stats", "stop", "system df",
    "system prune", "tag", "top", "unpause", "update", "version", "volume create",
    "volume inspect", "volume ls", "volume prune", "volume rm", "wait",
}  # fmt: skip

# What warren leaves behind, and completion, call these; they are not for people.
INTERNAL = {
    "__complete": "completion",
    "container cleanup": "containers",
    "container exec-ended": "execute",
    "container health-changed": "containers",
    "container restart-later": "containers",
}


def _own(noun: str) -> dict[str, str]:
    """The verbs that only this noun has, by their last word."""
    names = [name for name in (*NOUN_VERBS, *INTERNAL) if name.startswith(noun + " ")]
    return {name.partition(" ")[2]: name for name in names}


# {noun: (what it is about, {word: the verb that it is})}, Docker's: "warren NOUN WORD".
NOUNS: dict[str, tuple[str, dict[str, str]]] = {
    "builder": ("Builds of images", {"build": "build", **_own("builder")}),
    "container": ("Containers", {
        **{
            verb: verb
            for verb in (
                "attach", "commit", "cp", "create", "diff", "exec", "export", "kill", "logs",
                "pause", "port", "rename", "restart", "rm", "run", "start", "stats", "stop",
                "top", "unpause", "update", "wait",
            )
        },
        "list": "ps", "ls": "ps", "ps": "ps", "remove": "rm", **_own("container"),
    }),
    "image": ("Images", {
        **{
            verb: verb
            for verb in (
                "build", "history", "import", "load", "pull", "push", "save", "search", "tag",
            )
        },
        "list": "images", "ls": "images", "remove": "rmi", "rm": "rmi", **_own("image"),
    }),
    "kube": ("Kubernetes' YAML files", _own("kube")),
    "network": ("Networks", {
        "list": "network ls", "remove": "network rm", **_own("network"),
    }),
    "pod": ("Pods: containers that share namespaces", {
        "list": "pod ls", "ps": "pod ls", "remove": "pod rm", **_own("pod"),
    }),
    "system": ("The store and the host", {
        "events": "events", "info": "info", **_own("system"),
    }),
    "volume": ("Volumes", {
        "list": "volume ls", "remove": "volume rm", **_own("volume"),
    }),
}  # fmt: skip
# Aliases of verbs; help shows one name only.
ALIASES = {"list", "ps", "remove"}

# Options in front of the verb: what they take, what they do.
GLOBALS = {
    "--root": (
        "DIR",
        "where everything is kept, instead of $WARREN_ROOT, /var/lib/hutch (root) or"
        " ~/.local/share/hutch (others; $XDG_DATA_HOME stands for ~/.local/share)",
    ),
    "--config": (
        "FILE",
        "registries, mirrors and limits (TOML), instead of ~/.config/hutch/warren.toml or"
        " /etc/hutch/warren.toml",
    ),
    "--version": ("", "print the version"),
    "--help": ("", "print this; after a command, its own help"),
}


def module_of(name: str) -> str:
    """The module that has a verb."""
    row = VERBS.get(name) or NOUN_VERBS.get(name)
    return row[0] if row else INTERNAL[name]


def summary_of(name: str) -> str:
    """What a verb does, in a line."""
    row = VERBS.get(name) or NOUN_VERBS.get(name)
    return row[1] if row else ""


def of_noun(name: str, *words: str) -> tuple[str, list[str] | None]:
    """The verb and its words, whether a noun comes first or not; a noun and None where its own help
    is wanted. Raises UsageError."""
    from hutch.did_you_mean import suggestion

    if name not in NOUNS:
        if name in VERBS or (name in INTERNAL and " " not in name):
            return name, list(words)
        hint = suggestion(name, [*VERBS, *NOUNS, "help"], "warren --help lists them")
        raise UsageError(f"{shown(name)} is not a warren command", hint=hint)
    verbs = NOUNS[name][1]
    if words and words[0] in verbs:
        return verbs[words[0]], list(words[1:])
    if not words or words[0] in ("--help", "-h", "help"):
        return name, None
    known = [verb for verb in verbs if verbs[verb] not in INTERNAL]
    raise UsageError(
        f"{shown(words[0])} is not a command of warren {name}",
        hint=suggestion(words[0], known, ", ".join(known)),
    )
