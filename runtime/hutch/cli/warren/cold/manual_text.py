"""What the manual pages of warren say beyond its tables: only the generator of the pages reads it.

A paragraph that begins with "$ " is an example, one command a line.
"""

DATE = "2026-11-28"

OVERVIEW = (
    "warren pulls images, runs containers of them and looks after both. It has no daemon: "
    "conmon(8) "
    "stays with each container, hutch(8) runs it, and what is known stands in a database below "
    "--root. Its commands, flags, output and exit codes are those of docker(1).",
    "Global options stand before the command, the command's own behind it. A value follows its "
    "option as the next word or after an equals sign; --rm=false turns a switch off.",
    "An image is named as with Docker, NAME[:TAG][@DIGEST], or by a place: oci:PATH:NAME, "
    "oci-archive:FILE:NAME, docker-archive:FILE:NAME, dir:PATH. A container, an image, a volume, a "
    "network is found by its name or by the beginning of its id.",
    "The words behind --format are a Go template, as in '{{.ID}}: {{.Image}}', or json; with table "
    "in front the columns get headings.",
)

_FORMAT = "--format json prints an object a line; a Go template chooses what is printed."
_CONFIRM = "It asks first, and without a terminal does nothing, unless --force is given."

VERBS: dict[str, tuple[str, ...]] = {
    "attach": (
        "Shows what a running container writes and hands on what is typed, as if it had been "
        "started in the foreground. The keys ctrl-p ctrl-q, or those of --detach-keys, leave it "
        "without ending it. Signals are handed on to the program, unless --sig-proxy is false.",
        "The exit code is that of the program.",
        "$ warren attach web",
    ),
    "build": (
        "Makes an image from a Dockerfile. buildah(1) reads it and runs its steps, with hutch(8). "
        "The images that it begins with are found in the store, or pulled into it. The cache of "
        "the steps is in the folder build of the store; warren builder prune removes it.",
        "The steps have a network of buildah's, unless --network is host or none. Builds with "
        "HEALTHCHECK, SHELL or ONBUILD are in Docker's format, and use no cache. They take root.",
        "$ warren build -t site:2 --build-arg VERSION=2 site",
    ),
    "builder prune": (
        "Removes what builds keep to be faster: the results of their steps, and copies of the "
        "images that they begin with.",
        "$ warren builder prune --force",
    ),
    "bundle": (
        "Unpacks an image into a bundle, a directory with rootfs and config.json, as hutch(8) runs "
        "it. The config has the defaults of warren-run(1): capabilities, the seccomp filter, "
        "masked "
        "paths and limits.",
        "$ warren bundle debian:12 bundle && hutch run --bundle bundle test",
    ),
    "commit": (
        "Makes an image of what a container has changed, on top of its image, and prints its id. "
        "The container is frozen meanwhile, unless --no-pause is given. What is in volumes is not "
        "part of it.",
        "$ warren commit -c 'CMD [\"httpd\"]' web site:1",
    ),
    "completion": (
        "Prints a script that completes commands, flags, their values, and the names of "
        "containers, images, volumes and networks. The package installs it where the shells look.",
        "$ source <(warren completion bash)",
    ),
    "container inspect": ("Like warren-inspect(1), but of containers only.",),
    "container prune": (
        f"Removes all containers that do not run, and prints their ids. {_CONFIRM}",
        "$ warren container prune -f",
    ),
    "cp": (
        "Copies a file or a folder out of a container or into one, whether it runs or not; one of "
        "the two paths begins with CONTAINER:. As with cp(1), what is copied goes into a folder "
        "that is there; a source that ends in /. stands for what is in the folder. With - a tar "
        "archive is written to standard output or read from standard input.",
        "No path leads out of the container's root file system: symbolic links are followed within "
        "it.",
        "$ warren cp web:/etc/hosts .\n$ warren cp site/. web:/srv",
    ),
    "create": (
        "Does all that warren-run(1) does except start the program, and prints the id. "
        "warren-start(1) starts it.",
        "$ warren create --name web busybox httpd -f",
    ),
    "diff": (
        "Lists what was Added, Changed or Deleted in a container's root file system since it was "
        "made.",
        "$ warren diff web",
    ),
    "events": (
        "Prints what happens to containers, images and volumes as it happens, and what has "
        "happened "
        "since --since. It ends at --until; without that it goes on.",
        "$ warren events --since 1h --until 0s --filter event=die",
    ),
    "exec": (
        "Runs a program in a running container, with its namespaces, limits and filter.",
        "The exit code is that of the program; 126 if it could not be executed, 127 if it was not "
        "found.",
        "$ warren exec -it web sh\n$ warren exec -e DEBUG=1 -w /srv web ls",
    ),
    "export": (
        "Writes a container's root file system, without its volumes, as a tar archive. "
        "warren-import(1) makes an image of one.",
        "$ warren export -o web.tar web",
    ),
    "history": (
        f"Lists the steps by which an image was made, the newest first. {_FORMAT}",
        "$ warren history --no-trunc debian:12",
    ),
    "image inspect": ("Like warren-inspect(1), but of images only.",),
    "image prune": (
        f"Removes images that have no name; with --all, those that no container uses. {_CONFIRM}",
        "$ warren image prune -a",
    ),
    "images": (
        "Lists images, one line for each name, the newest first. The size is that of the unpacked "
        f"layers. {_FORMAT}",
        "$ warren images --filter dangling=true -q",
    ),
    "import": (
        "Makes an image with a single layer of a tar archive, which may be compressed, and prints "
        "its id. The archive is a file, standard input, or what an http or https address answers.",
        "$ warren import rootfs.tar.gz box:1\n$ warren export web | warren import - web:flat",
    ),
    "info": (f"Prints what the store holds and what it runs on. {_FORMAT}", "$ warren info"),
    "inspect": (
        "Prints a JSON list with all that is known of containers, networks, images or volumes. A "
        "name that several of them have is the first of these; --type says which is meant.",
        "$ warren inspect --format '{{.State.Pid}}' web",
    ),
    "kill": (
        "Sends a signal to the first process of containers: SIGKILL, or that of --signal, by name "
        "or by number.",
        "$ warren kill -s HUP web",
    ),
    "kube down": (
        "Stops and removes the pods that warren-kube-play(1) has made of a file, found by their "
        "names. Volumes of claims stay, unless --force is given.",
        "$ warren kube down site.yaml",
    ),
    "kube generate": (
        "Prints a kube file that warren-kube-play(1), or a cluster, makes the same of: a pod for "
        "each pod, one for all containers that are named, with the claims, ConfigMaps and Secrets "
        "that they use. A warning names what such a file cannot say.",
        "$ warren kube generate site >site.yaml\n$ warren kube generate -t deployment site",
    ),
    "kube play": (
        "Makes and starts the pods of a file of Kubernetes: of Pods, Deployments, ReplicaSets, "
        "DaemonSets, StatefulSets and Jobs, with the ConfigMaps, Secrets and "
        "PersistentVolumeClaims in it. The whole file is checked first. A field that warren does "
        "not carry out is an error or a warning that names it by its path.",
        "A pod has the containers POD-NAME. A claim is a volume of its name. Probes are health "
        "checks: a container whose liveness probe fails is ended, and its restart policy starts "
        "it again. An image is pulled if it is missing, unless imagePullPolicy says otherwise.",
        "The exit code is 1 if a pod could not be started; it stays, with its logs.",
        "$ warren kube play site.yaml\n$ warren kube play --replace --network lan -",
    ),
    "load": (
        "Adds the images of an archive to the store: as docker save, podman save, skopeo and "
        "warren-save(1) write them.",
        "$ warren load -i images.tar",
    ),
    "login": (
        "Asks for a name and a password, tries them at a registry, and keeps them in auth.json. A "
        "password is never an argument.",
        "$ warren login registry.example\n$ warren login -u me --password-stdin registry.example",
    ),
    "logout": ("Removes what warren-login(1) has kept.", "$ warren logout registry.example"),
    "logs": (
        "Prints what a container has written, on the stream on which it did: all of it, the last "
        "--tail lines, or what --since and --until leave. With --follow it goes on until the "
        "container ends.",
        "$ warren logs -f --tail 20 web",
    ),
    "network connect": (
        "Puts a container into a network, at once if it runs. It gets an address, and the names "
        "that its neighbours find it by: its own, --alias, the short id.",
        "$ warren network connect --alias db inner postgres",
    ),
    "network create": (
        "Makes a network, a bridge of its own, and prints its id. Containers in it find each other "
        "by name; those of other networks are kept apart. If no --subnet is given, one is picked "
        "that no route of the host leads to.",
        "With --ipv6 it has addresses of IPv6, too: from a --subnet of IPv6, or unique local ones. "
        "With --internal nothing leads out of it or into it. -o mtu=N sets the MTU of its links, "
        "-o com.docker.network.bridge.name=NAME the name of the bridge.",
        "$ warren network create --ipv6 inner\n"
        "$ warren network create --subnet 10.1.0.0/16 --ip-range 10.1.2.0/24 lab",
    ),
    "network disconnect": (
        "Takes a container out of a network, at once if it runs.",
        "$ warren network disconnect bridge web",
    ),
    "network inspect": (
        "Prints a JSON list with all that is known of networks, with the containers in them.",
        "$ warren network inspect bridge",
    ),
    "network ls": (
        f"Lists networks. {_FORMAT}",
        "$ warren network ls --filter type=custom",
    ),
    "network prune": (
        f"Removes networks that no container is to be in. {_CONFIRM}",
        "$ warren network prune -f",
    ),
    "network rm": (
        "Removes networks. One that a running container is in is refused.",
        "$ warren network rm inner",
    ),
    "pause": (
        "Freezes all processes of containers, by the freezer of their cgroups, until "
        "warren-unpause(1).",
        "$ warren pause web",
    ),
    "pod create": (
        "Makes a pod and prints its id. A pod is a group of containers that share namespaces: "
        "network, ipc and uts, unless --share says otherwise. Its infra container, a small program "
        "that only waits, has them, and the published ports. Containers are made in it with --pod "
        "of warren-run(1) and warren-create(1).",
        "Flags that are about networks, names and volumes are those of warren-run(1), for all "
        "containers of the pod. Limits, such as --memory and --cpus, hold for all of them "
        "together: they are those of a cgroup in which the cgroups of the containers are.",
        "$ warren pod create --name site -p 8080:80\n$ warren run -d --pod site busybox httpd -f",
    ),
    "pod exists": (
        "Ends with 0 if there is a pod of this name or id, else with 1. It prints nothing.",
        "$ warren pod exists site || warren pod create site",
    ),
    "pod inspect": (
        "Prints a JSON list with all that is known of pods, with the containers in them.",
        "$ warren pod inspect site",
    ),
    "pod kill": (
        "Sends SIGKILL, or the signal of --signal, to the first process of each container of a "
        "pod.",
        "$ warren pod kill -s HUP site",
    ),
    "pod logs": (
        "Shows what the containers of a pod have written, each line behind the name of its "
        "container.",
        "$ warren pod logs -f site",
    ),
    "pod ls": (f"Lists pods. {_FORMAT}", "$ warren pod ls --ctr-names"),
    "pod pause": (
        "Freezes all processes of pods, until warren-pod-unpause(1).",
        "$ warren pod pause site",
    ),
    "pod prune": (
        f"Removes pods of which no container runs, with their containers. {_CONFIRM}",
        "$ warren pod prune -f",
    ),
    "pod restart": (
        "Stops the containers of pods and starts them again.",
        "$ warren pod restart site",
    ),
    "pod rm": (
        "Removes pods, their containers, and anonymous volumes that belong to these. One with "
        "containers that run is refused unless --force is given, which stops them first.",
        "$ warren pod rm -f site",
    ),
    "pod start": (
        "Starts the containers of pods: first the init containers (--init-ctr of "
        "warren-create(1)), one after the other, each of which must end with 0; then the others.",
        "$ warren pod start site",
    ),
    "pod stats": (
        "Shows how much CPU, memory, network and disk the containers of pods use, once a second.",
        "$ warren pod stats --no-stream site",
    ),
    "pod stop": (
        "Stops the containers of pods, all at the same time, as warren-stop(1) does.",
        "$ warren pod stop -t 3 site",
    ),
    "pod top": (
        "Lists the processes of a pod's containers as ps(1) does, whose options may follow the "
        "name.",
        "$ warren pod top site -o pid,args",
    ),
    "pod unpause": ("Lets frozen pods go on.", "$ warren pod unpause site"),
    "port": (
        "Prints at which address and port of the host the ports of a container can be reached.",
        "$ warren port web 80",
    ),
    "ps": (
        "Lists running containers; with --all, the others too. The state of each is read from the "
        f"kernel. {_FORMAT}",
        "$ warren ps -a --filter status=exited --format '{{.Names}}: {{.Status}}'",
    ),
    "pull": (
        "Downloads an image from a registry, or copies it from a local place. Layers are verified "
        "and unpacked while they are downloaded, several at the same time; what the store has is "
        "not downloaded again, and a pull that was broken off goes on where it stopped.",
        "$ warren pull debian:12\n$ warren pull oci-archive:debian.tar",
    ),
    "push": (
        "Uploads an image to the registry that its name begins with, or to that of NAME. Layers "
        "that are there are not sent again.",
        "NAME can also be a place: oci:FOLDER[:NAME], oci-archive:FILE[:NAME] and "
        "docker-archive:FILE[:NAME]; or an engine of this machine. docker-daemon:[NAME] sends the "
        "image to Docker, at the unix socket of DOCKER_HOST. containers-storage:[NAME] gives it to "
        "podman load: podman, buildah, skopeo and CRI-O use the same storage. containerd:[NAME] "
        "gives it to ctr images import, which reads CONTAINERD_ADDRESS and CONTAINERD_NAMESPACE "
        "(k8s.io for Kubernetes). Without NAME the image keeps its name.",
        "$ warren push debian:12 registry.example/base:12",
        "$ warren push debian:12 docker-daemon:\n"
        "$ CONTAINERD_NAMESPACE=k8s.io warren push debian:12 containerd:",
    ),
    "rename": ("Gives a container another name.", "$ warren rename web old-web"),
    "restart": (
        "Ends containers as warren-stop(1) does, and starts them again.",
        "$ warren restart -t 2 web",
    ),
    "rm": (
        "Removes containers that do not run: what they wrote, their logs, all that is known of "
        "them. With --force a container that runs is killed first, and one that is not there is no "
        "error.",
        "$ warren rm -f -v web",
    ),
    "rmi": (
        "Removes names of images, and the images that then have no name. An image that a container "
        "uses is not removed.",
        "$ warren rmi debian:12",
    ),
    "run": (
        "Makes a container of an image, which is pulled if it is missing, and starts the program "
        "that stands behind the image's name, else the image's own. Without --detach it stays: it "
        "shows what the program writes, hands signals on, and ends with the program.",
        "The exit code is that of the program, 128 and the signal that ended it; 125 if warren "
        "failed, 126 if the program could not be executed, 127 if it was not found.",
        "$ warren run --rm -it --network none debian:12 bash\n"
        "$ warren run -d --name web -v site:/srv -m 64m busybox httpd -f -h /srv",
    ),
    "save": (
        "Writes images to an archive that Docker, podman, skopeo and warren-load(1) read.",
        "$ warren save -o debian.tar debian:12",
    ),
    "search": (
        "Lists the repositories whose name contains TERM. The registry is named in front of the "
        "term, or in the configuration. Only a registry with Docker's search API, "
        "such as docker.io, knows descriptions, stars, and which images are official.",
        "$ warren search registry.example/base\n$ warren search --list-tags registry.example/base",
    ),
    "compose": (
        "Runs the real docker compose, with all the words that follow, on a server of this store "
        "that runs for the call (see warren-serve(1)). It is the program docker-compose: of "
        "Python's package hutch[compose], of docker's plugins, or in PATH.",
        "$ warren compose up -d\n$ warren compose logs -f web\n$ warren compose down -v",
    ),
    "serve": (
        "Answers Docker's clients: docker, docker-py and what is built on them. It speaks Docker's "
        "Engine API on a unix socket that only its owner can use, or on the socket that systemd "
        "hands over (socket activation, sd_listen_fds(3)). It keeps nothing: it may end at any "
        "time, and what runs goes on. With --tcp and --tlsverify it serves clients over TCP that "
        "show a certificate.",
        "Whoever may use the socket of root's warren is root on this machine, and so is whoever "
        "has a certificate that the authority of --tlscacert has signed.",
        "$ warren serve --socket /run/warren.sock &\n"
        "$ DOCKER_HOST=unix:///run/warren.sock docker ps",
    ),
    "start": (
        "Starts containers that do not run. With --attach the output of one is shown, and the exit "
        "code is that of its program.",
        "$ warren start web",
    ),
    "stats": (
        "Shows how much CPU, memory, network and disk containers use, once a second.",
        "$ warren stats --no-stream web",
    ),
    "stop": (
        "Sends containers their stop signal (SIGTERM, unless the image or --stop-signal says "
        "otherwise), waits, and kills what still runs.",
        "$ warren stop -t 3 web",
    ),
    "system apparmor": (
        "Loads hutch-default, the AppArmor profile that containers get once it is loaded, into the "
        "kernel; prints it; or removes it.",
        "$ warren system apparmor",
    ),
    "system boot": (
        "Starts containers after a boot: those with --restart always, and those with "
        "unless-stopped that were not stopped by a user. The unit of warren-system-install(1) "
        "calls it.",
    ),
    "system check": (
        "Verifies every blob, layer, name, container and volume of the store. With --repair it "
        "removes or renews what is damaged, and what a crash has left half-done.",
        "The exit code is 1 if a problem was found and not repaired.",
        "$ warren system check --repair",
    ),
    "system df": (
        "Shows how much disk space images, layers, containers and volumes use, and how much could "
        "be freed.",
        "$ warren system df",
    ),
    "system install": (
        "Writes a unit of systemd(1) that calls warren-system-boot(1) at each boot.",
        "$ warren system install",
    ),
    "system prune": (
        "Removes containers that do not run, networks that no container is to be in, images "
        "without a name (with --all: those that no container uses), and layers and downloads "
        "that nothing needs; with --volumes anonymous "
        f"volumes, too. {_CONFIRM}",
        "$ warren system prune --filter until=24h",
    ),
    "system uninstall": ("Removes the unit of warren-system-install(1).",),
    "tag": ("Gives an image more names.", "$ warren tag debian:12 registry.example/base:12"),
    "top": (
        "Lists the processes of a container as ps(1) does, whose options may follow the name.",
        "$ warren top web -o pid,args",
    ),
    "unpause": ("Lets frozen containers go on.", "$ warren unpause web"),
    "update": (
        "Changes limits of containers, running or not, and their restart policy.",
        "$ warren update -m 128m --memory-swap 256m web",
    ),
    "version": ("Prints the version. The fields of --format are those of docker version.",),
    "volume create": (
        "Makes a volume, an empty folder with a name, and prints the name.",
        "$ warren volume create site",
    ),
    "volume inspect": ("Prints a JSON list with all that is known of volumes.",),
    "volume ls": (f"Lists volumes. {_FORMAT}", "$ warren volume ls --filter dangling=true"),
    "volume prune": (
        "Removes anonymous volumes that no container uses; with --all, those with a name, too. "
        f"{_CONFIRM}",
        "$ warren volume prune -a",
    ),
    "volume rm": (
        "Removes volumes with all that is in them. One that a container uses is refused.",
        "$ warren volume rm site",
    ),
    "wait": (
        "Waits until containers have ended and prints their exit codes, each on a line.",
        "$ warren wait web",
    ),
}

EXIT_STATUS = (
    "0 if all went well, 1 if something failed, 125 if the command line is wrong, 130 after "
    "Ctrl-C. run, start --attach, attach and exec end with the code of the program."
)
ENVIRONMENT = (
    ("WARREN_ROOT", "where everything is kept, unless --root is given"),
    ("XDG_DATA_HOME", "without root, everything is kept in its subdirectory hutch"),
    ("DOCKER_CONFIG", "the folder of config.json, from which credentials are read"),
    ("REGISTRY_AUTH_FILE", "the file that is read for credentials in place of auth.json"),
)
FILES = (
    ("/var/lib/hutch", "images, containers and volumes of root, unless --root names another"),
    ("~/.local/share/hutch", "those of other users"),
    (
        "~/.config/hutch/warren.toml, /etc/hutch/warren.toml",
        "registries, mirrors and limits, unless --config names another file",
    ),
    ("$XDG_RUNTIME_DIR/containers/auth.json, ~/.docker/config.json", "credentials"),
)
EXAMPLES = (
    "$ warren pull busybox",
    "$ warren run -d --name web busybox httpd -f",
    "$ warren ps\n$ warren logs web\n$ warren stop web\n$ warren rm web",
)
