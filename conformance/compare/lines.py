"""The command lines that are compared, in the order in which they are run.

    = WORDS      exit status, standard output and the kind of the error must be the same
    ~ WORDS      only exit status and the kind of the error: the output is the engine's own

    $ WORDS      a shell's script, in which ``docker`` is the engine; as with =
    ? GET PATH   a request to the engine's socket: the names and types of the reply's fields

The last two are for Docker's own command only (``./dev compare api``).

{dir} is a folder of the engine's own, {port} a port of the host, {net}.0/24 a subnet.
"""

import shlex
from pathlib import Path
from typing import NamedTuple

CHAPTERS = {
    "images": """
= tag box:1 box:2
= images --format {{.Tag}} box
= images --format {{.Tag}} --filter reference=box:2
= image ls -q --no-trunc box:1
= images
= image inspect --format "{{json .Config.Cmd}}" box:1
= image inspect --format "{{.Os}}/{{.Architecture}}/{{len .RootFS.Layers}}" box:1
= inspect --type image --format {{.Config.Env}} box:1
= image inspect nothing
= history --format {{.Size}} box:1
= history nothing
= rmi box:2
= rmi nothing
= tag nothing other:1
= tag box:1 Upper
= save -o {dir}/saved.tar box:1
= save nothing
= load -q -i {dir}/saved.tar
= load -i {dir}/nothing
= import {dir}/root.tar imported:1
= image inspect --format {{.Config.Cmd}} imported:1
= image rm imported:1
~ pull 127.0.0.1:9/box
= pull Upper
= image prune -f
= images --filter frobnicate=x
= images one two
""",
    "run": """
= run --rm --network none box:1 echo hello
= run --rm --network none box:1 sh -c "echo out; echo err >&2; exit 3"
= run --rm --network none box:1 sh -c "kill -9 $$"
= run --rm --network none box:1 nothing
= run --rm --network none box:1 /etc/passwd
= run --rm --network none -i box:1 cat
= run --rm --network none box:1 cat
= run --rm --network none -e A=b -e FROM box:1 sh -c "echo $A,$FROM"
= run --rm --network none -w /data/deep box:1 pwd
= run --rm --network none -u guest box:1 id
= run --rm --network none -u 7:8 box:1 id -u
= run --rm --network none -u nobody-here box:1 id
= run --rm --network none --hostname host-name box:1 hostname
= run --rm --network none --hostname host-name box:1 env
= run --rm --network none --read-only box:1 touch /file
= run --rm --network none --entrypoint echo box:1 a b
= run --rm --network none --cap-drop ALL box:1 grep CapEff /proc/self/status
= run --rm --network none box:1 grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status
= run --rm --network none --ulimit nofile=100:200 box:1 sh -c "ulimit -n; ulimit -Hn"
= run --rm --network none --tmpfs /t:size=64k box:1 sh -c "df -k /t | awk 'NR==2{print $2}'"
= run --rm --network none -v {dir}/shared:/srv:ro box:1 sh -c "cat /srv/file; touch /srv/x"
= run --rm --network none --mount type=bind,source={dir}/nothing,target=/srv box:1 true
= run --rm --network none --shm-size 1m box:1 sh -c "df -k /dev/shm | awk 'NR==2{print $2}'"
= run --rm --network none --init box:1 sh -c "cat /proc/1/comm"
= run --rm --network none -t box:1 sh -c "test -t 1 && echo terminal"
= run --rm --network none --cidfile {dir}/cid box:1 true
= run --rm --network none --cidfile {dir}/cid box:1 true
= run --network none --name one box:1 true
= run --network none --name one box:1 true
= run -d --network none --name up -l kind=test -e A=b -m 64m box:1 sh -c "echo started; sleep 1000"
= run --rm --network none --pull never missing:1
~ run --rm --network none 127.0.0.1:9/missing:1
= run --frobnicate box:1
= run --rm --network none -m much box:1
= run --rm --network none -m 1k box:1
= run --rm --restart always --network none box:1
= run --restart sometimes --network none box:1
= run --rm --network nothing box:1 true
= run --rm --network none -v relative/path:/srv box:1 true
= run --rm --network none -v /srv:relative box:1 true
= run --rm --network none --cap-add nothing box:1 true
= run --rm --network none --device /dev/nothing box:1 true
= run --rm --network none --name a/b box:1 true
= run --rm -e box:1
= run
= create --network none --name made box:1 echo made
= create --network none --name made box:1
= create --network none missing:1
""",
    "containers": """
= ps --format {{.Names}}
= ps -a --format "{{.Names}} {{.State}}"
= ps -a
= ps -q --no-trunc
= ps -aq -f status=created
= ps -a --filter label=kind=test --format "{{.Image}} {{.Command}}"
= ps -a --filter exited=0 --format {{.Names}}
= ps -n 1 --format {{.Names}}
= ps -a --filter frobnicate=x
= ps --format "{{.Nothing}}"
= ps --format "{{.Names"
= container ls --format "{{.Names}}: {{.Status}}"
= ps extra
= inspect --format {{.State.Status}},{{.State.ExitCode}},{{.State.Running}} one up
= inspect --format {{.HostConfig.Memory}},{{.HostConfig.NetworkMode}} up
= inspect --format "{{json .Config.Labels}} {{json .Config.Cmd}}" up
= inspect --format {{.Name}} up
= inspect --format {{.Config.Image}} up
= inspect --format {{.RestartCount}} up
= inspect --format "{{len .Id}}" up
= inspect --format {{.HostConfig.RestartPolicy.Name}} up
= inspect nothing
= inspect --format {{.Nothing}} up
= inspect --type volume up
= logs up
= logs --tail 0 up
= logs -t up
= logs nothing
= exec up echo hello
= exec -e C=d up sh -c "echo $A$C"
= exec -u guest -w /data up sh -c "id -u; pwd"
= exec up sh -c "exit 4"
= exec up nothing
= exec up /etc/passwd
= exec -i up cat
= exec -t up true
= exec one true
= exec nothing true
= exec up
= exec -d up true
~ top up
= top up -o comm
= top one
= stats --no-stream --format {{.Name}} up
= port up
= port up 80
= port nothing
= pause up
= exec up true
= pause up
= ps --format {{.Status}}
= unpause up
= unpause up
= update -m 128m --memory-swap 256m up
= inspect --format {{.HostConfig.Memory}} up
= update -m much up
= update -m 128m nothing
= cp up:/etc/passwd {dir}/copied
= cp {dir}/shared/file up:/tmp/file
= exec up cat /tmp/file
= cp up:/nothing {dir}/x
= cp nothing:/etc {dir}/x
= cp {dir}/nothing up:/tmp
= cp {dir}/shared/file {dir}/other
= diff up
= diff nothing
= commit -m words up committed:1
= run --rm --network none committed:1 cat /tmp/file
= commit nothing committed:2
= export -o {dir}/exported.tar up
= export nothing
= rename one two
= rename two up
= rename nothing three
= start made
= logs made
= start -a made
= start up
= start nothing
= attach made
= attach nothing
= wait made
= wait nothing
= kill -s FROBNICATE up
= kill made
= kill nothing
= restart -t 0 up
= stop nothing
= stop made
= rm up
= rmi box:1
= kill up
= wait up
= inspect --format {{.State.ExitCode}} up
= stop -t 0 up
= rm up made
= rm up
= rm -f up
= rm nothing
= container prune -f
= stop
= stop --frobnicate x
= ps -a
""",
    "volumes": """
= volume create site
= volume create site
= volume ls --format {{.Name}}
= volume ls
= volume inspect --format {{.Name}},{{.Driver}} site
= volume inspect nothing
= create --network none --name holds -v site:/data box:1
= volume rm site
= inspect --format "{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}}{{end}}" holds
= run --rm --network none -v site:/data box:1 cat /data/kept
= rm holds
= volume rm site
= volume rm nothing
= volume rm -f nothing
= volume prune -f
= volume create /bad
""",
    "networks": """
= network create side
= network create side
= network ls --format {{.Name}} --filter name=side
= network ls --format {{.Name}}
= network inspect --format {{.Name}},{{.Driver}},{{.Internal}} side
= network inspect nothing
= network create --subnet nonsense other
= run -d --network side --name near -p {port}:80 box:1 sleep 1000
= port near
= port near 80
= port near 81
= ps --filter network=side --format "{{.Names}} {{.Ports}}"
= inspect --format "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}" near
= run -d --name taken -p {port}:80 box:1 sleep 1000
= run --rm -p 99999:80 box:1 true
= run --rm -p nonsense box:1 true
~ run --rm --network side box:1 nslookup near
= run -d --name far box:1 sleep 1000
= network connect side far
= network connect side far
= network connect nothing far
= network connect side nothing
= inspect --format "{{len .NetworkSettings.Networks}}" far
= network disconnect side far
= network disconnect side far
= network rm side
= rm -f near far taken
= network rm side
= network rm nothing
= network prune -f
= network rm bridge
""",
    "the engine": """
= frobnicate
= container frobnicate
= info --format {{.OSType}}
= info --format {{.Nothing}}
= version --format {{.Client.Os}}
~ version
~ system df
= system df --format {{.Type}}
= events --since 1h --until 0s --filter container=two --format {{.Action}}
= events --since 1h --until 0s --filter frobnicate=x
= system prune -f --filter label=nothing
""",
}
INPUT = {
    "run --rm --network none -i box:1 cat": b"typed\n",
    "exec -i up cat": b"typed\n",
}


class Line(NamedTuple):
    """One command line. ``whole``: its output is compared, too; ``script``: it is a shell's;
    ``shape``: it is a request to the engine's socket, and the reply's fields are compared."""

    text: str
    whole: bool
    script: bool = False
    shape: bool = False

    @property
    def path(self) -> str:
        """The path of a request, without the query."""
        return self.text.split()[1].partition("?")[0]

    def words(self, folder: str, port: str, net: str) -> list[str]:
        """The words behind the engine's name; of a script the words that run it."""
        text = self.text.replace("{dir}", folder).replace("{port}", port).replace("{net}", net)
        return ["sh", "-c", text] if self.script else shlex.split(text)


def read_chapters(name: str) -> dict[str, str]:
    """The chapters of a file of lines, by their names."""
    text = Path(__file__).with_name(f"{name}.txt").read_text()
    parts = text.split("\n[")[1:]
    return {chapter: rest for chapter, _, rest in (part.partition("]\n") for part in parts)}


def lines(chapters: list[str]) -> list[Line]:
    """All lines of the chapters, in their order."""
    return [
        Line(row[2:], row[0] != "~", script=row[0] == "$", shape=row[0] == "?")
        for chapter in chapters
        for row in chapter.strip().splitlines()
    ]


def labels(found: list[Line]) -> list[str]:
    """What each line is called in expected.toml: its text, with #2 behind it the second time."""
    seen: dict[str, int] = {}
    named = []
    for line in found:
        seen[line.text] = seen.get(line.text, 0) + 1
        number = seen[line.text]
        named.append(line.text if number == 1 else f"{line.text} #{number}")
    return named
