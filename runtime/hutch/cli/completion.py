"""Completion scripts for bash, zsh and fish, from the table of verbs and flags.

The possible values of a flag come from its placeholder, and from the tables by which the runtime
checks the value. The ids of containers come from `hutch list`, with the --root of the line.
"""

from hutch.cli.table import GLOBAL, VERBS
from hutch.spec.capabilities import NAMES
from hutch.spec.signal_names import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.cli.arguments import Flags

    Flag = tuple[str, str, str, str]

DIRECTORY, PATH, CONTAINER = "directory", "file", "container"

# The flags that have only certain values.
WORDS = {
    "log-format": ("text", "json"),
    "format": ("table", "json"),
    "manage-cgroups-mode": ("soft", "full", "strict", "ignore"),
    "empty-ns": ("network",),
    "cap": tuple(NAMES),
}
# The arguments of verbs that take others than a container.
ARGUMENTS: "dict[str, tuple[str | tuple[str, ...], ...]]" = {
    "check": (DIRECTORY,),
    "completion": (("bash", "zsh", "fish"),),
    "explain": (DIRECTORY, DIRECTORY),
    "install-runtime": (("docker", "containerd", "podman", "buildah", "crio", "kubernetes"),),
    "seccomp": (("record", "show", "diff"), PATH, PATH),
    "kill": (CONTAINER, tuple(SIGNALS)),
    "top": (CONTAINER,),
}

HEAD = "# Completion of hutch for {}, printed by `hutch completion {}`.\n"


def values(flag: "Flag") -> "str | tuple[str, ...]":
    """The possible values of a flag: DIRECTORY, PATH, CONTAINER, a tuple of words, or "" for
    anything."""
    name, _, placeholder, _ = flag
    if name in WORDS:
        return WORDS[name]
    if "|" in placeholder:
        return tuple(placeholder.split("|"))
    kind = placeholder.removesuffix("...")
    return {"DIR": DIRECTORY, "FILE": PATH, "SOCKET": PATH, "CONTAINER": CONTAINER}.get(kind, "")


def arguments(verb: str) -> "tuple[str | tuple[str, ...], ...]":
    """The possible values of each argument of the verb, as in ``values``."""
    if verb in ARGUMENTS:
        return ARGUMENTS[verb]
    return (CONTAINER,) if VERBS[verb][1].startswith("CONTAINER") else ()


def flags_of(verb: str) -> "Flags":
    """The verb's flags and --help; the global flags if ``verb`` is ""."""
    return (*VERBS[verb][4], ("help", "h", "", "show help")) if verb else GLOBAL


def script(shell: str) -> str:
    """The script for "bash", "zsh" or "fish"."""
    return HEAD.format(shell, shell) + _SHELLS[shell]()


# bash


def _bash() -> str:
    verbs = ["", *sorted(VERBS)]
    lines = []
    for verb in verbs:
        words = " ".join([word for flag in flags_of(verb) for word in _spellings(flag)])
        lines.append(f"        '{verb}') echo '{words}' ;;")
    takes = []
    for verb in verbs:
        for flag in flags_of(verb):
            if flag[2]:
                patterns = "|".join([f"'{verb} {word}'" for word in _spellings(flag)])
                takes.append(f"        {patterns}) echo '{_bash_kind(values(flag))}' ;;")
    places = [
        f"        '{verb} {place}') echo '{_bash_kind(kind)}' ;;"
        for verb in sorted(VERBS)
        for place, kind in enumerate(arguments(verb))
    ]
    return _BASH.format(
        verbs=" ".join(["help", *sorted(VERBS)]),
        flags="\n".join(lines),
        values="\n".join(takes),
        arguments="\n".join(places),
    )


def _spellings(flag: "Flag") -> "list[str]":
    return ["--" + flag[0], *(["-" + flag[1]] if flag[1] else [])]


def _bash_kind(kind: "str | tuple[str, ...]") -> str:
    return ":" + kind if isinstance(kind, str) else " ".join(kind)


_BASH = r"""
# The flags of a verb; without a verb, the global flags.
_hutch_flags() {{
    case "$1" in
{flags}
    esac
}}

# The values of a flag of a verb: words, or :KIND; nothing if the flag is a switch.
_hutch_value() {{
    case "$1 $2" in
{values}
    esac
}}

# The values of an argument of a verb, whose number counts from 0.
_hutch_argument() {{
    case "$1 $2" in
{arguments}
        'help 0') echo '{verbs}' ;;
    esac
}}

_hutch() {{
    local verb= root= count=0 index=1 word kind flag= current=${{COMP_WORDS[COMP_CWORD]}}
    while [ $index -lt $COMP_CWORD ]; do
        word=${{COMP_WORDS[index]}}
        index=$((index + 1))
        case $word in
        =) ;;
        -*)
            if [ -n "$(_hutch_value "$verb" "$word")" ]; then
                [ "${{COMP_WORDS[index]}}" = = ] && index=$((index + 1))
                if [ $index -ge $COMP_CWORD ]; then
                    flag=$word
                else
                    [ "$word" = --root ] && root=${{COMP_WORDS[index]}}
                fi
                index=$((index + 1))
            fi
            ;;
        *) if [ -z "$verb" ]; then verb=$word; else count=$((count + 1)); fi ;;
        esac
    done
    [ "$current" = = ] && current=
    COMPREPLY=()
    if [ -n "$flag" ]; then
        kind=$(_hutch_value "$verb" "$flag")
    elif [ "${{current#-}}" != "$current" ]; then
        kind=$(_hutch_flags "$verb")
    elif [ -z "$verb" ]; then
        kind='{verbs}'
    else
        kind=$(_hutch_argument "$verb" "$count")
    fi
    case $kind in
    '' | :) return ;;
    :directory)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    :file)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    :container) kind=$("${{COMP_WORDS[0]}}" ${{root:+--root "$root"}} list -q 2>/dev/null) ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current")
}}

complete -F _hutch hutch
"""

# zsh


def _zsh() -> str:
    cases = []
    for verb in sorted(VERBS):
        rows = [_zsh_flag(flag) for flag in flags_of(verb)]
        for place, kind in enumerate(arguments(verb), 1):
            rows.append(f"'{place}: :{_zsh_action(kind)}'")
        cases.append(f"        {verb})\n            _arguments \\\n")
        cases.append(
            " \\\n".join(["                " + row for row in rows]) + "\n            ;;\n"
        )
    described = "\n".join(
        [f"        '{verb}:{_zsh_text(VERBS[verb][0])}'" for verb in sorted(VERBS)]
    )
    return _ZSH.format(
        globals=" \\\n".join(["        " + _zsh_flag(flag) for flag in GLOBAL]),
        verbs=described,
        cases="".join(cases),
    )


def _zsh_flag(flag: "Flag") -> str:
    name, short, placeholder, does = flag
    repeated = placeholder.endswith("...")
    text = f"[{_zsh_text(does)}]"
    value = f":{placeholder.removesuffix('...')}:{_zsh_action(values(flag))}" if placeholder else ""
    long = f"--{name}{'=' if placeholder else ''}"
    star = "'*'" if repeated else ""
    if not short:
        return f"{star}'{long}{text}{value}'"
    if repeated:
        return f"'*'{{-{short},{long}}}'{text}{value}'"
    return f"'(-{short} --{name})'{{-{short},{long}}}'{text}{value}'"


def _zsh_action(kind: "str | tuple[str, ...]") -> str:
    if isinstance(kind, tuple):
        return "(" + " ".join(kind) + ")"
    return {DIRECTORY: "_files -/", PATH: "_files", CONTAINER: "_hutch_containers"}.get(kind, " ")


def _zsh_text(text: str) -> str:
    for letter in "\\:[]":
        text = text.replace(letter, "\\" + letter)
    return text.replace("'", "'\\''")


_ZSH = r"""#compdef hutch

_hutch_containers() {{
    local -a ids
    ids=(${{(f)"$($hutch_command ${{hutch_root:+--root}} $hutch_root list -q 2>/dev/null)"}})
    compadd -a ids
}}

_hutch_verbs() {{
    local -a verbs
    verbs=(
        'help:show help'
{verbs}
    )
    _describe verb verbs
}}

_hutch() {{
    local context state state_descr line hutch_command=$words[1] hutch_root
    typeset -A opt_args
    _arguments -C \
{globals} \
        '1: :_hutch_verbs' \
        '*:: :->arguments' && return
    hutch_root=$opt_args[--root]
    case $words[1] in
        help)
            _arguments '1: :_hutch_verbs'
            ;;
{cases}    esac
}}

if [ "$funcstack[1]" = _hutch ]; then
    _hutch "$@"
else
    compdef _hutch hutch
fi
"""

# fish


def _fish() -> str:
    takes = []
    for verb in ["", *sorted(VERBS)]:
        words = [word for flag in flags_of(verb) if flag[2] for word in _spellings(flag)]
        if words:
            takes.append(
                f"        case '{verb}'\n            string split -- ' ' '{' '.join(words)}'"
            )
    lines = [_FISH.format(takes="\n".join(takes))]
    lines += [_fish_flag("", flag) for flag in GLOBAL]
    lines.append("complete -c hutch -n '__hutch_at \"\" 0' -a help -d 'show help'")
    for verb in sorted(VERBS):
        does = _fish_text(VERBS[verb][0])
        lines.append(f"complete -c hutch -n '__hutch_at \"\" 0' -a {verb} -d '{does}'")
        lines.append(f"complete -c hutch -n '__hutch_at help 0' -a {verb} -d '{does}'")
        lines += [_fish_flag(verb, flag) for flag in flags_of(verb)]
        for place, kind in enumerate(arguments(verb)):
            condition = f"-n '__hutch_at {verb} {place}'"
            lines.append(f"complete -c hutch {condition} -a '{_fish_values(kind)}'")
    return "\n".join(lines) + "\n"


def _fish_flag(verb: str, flag: "Flag") -> str:
    name, short, placeholder, does = flag
    place = verb or '""'
    line = f"complete -c hutch -n '__hutch_verb {place}' -l {name}"
    if short:
        line += f" -s {short}"
    if placeholder:
        kind = values(flag)
        line += " -r -F" if kind == PATH else f" -x -a '{_fish_values(kind)}'"
    return line + f" -d '{_fish_text(does)}'"


def _fish_values(kind: "str | tuple[str, ...]") -> str:
    if isinstance(kind, tuple):
        return " ".join(kind)
    return {
        DIRECTORY: "(__fish_complete_directories (commandline -ct))",
        CONTAINER: "(__hutch_containers)",
    }.get(kind, "")


def _fish_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


_FISH = r"""
# The flags of a verb that take a value; without a verb, the global flags.
function __hutch_takes
    switch "$argv[1]"
{takes}
    end
end

# Prints the words before the cursor without flags: the verb and its arguments. Sets __hutch_root to
# the value of --root, if it is given.
function __hutch_words
    set -l skip ''
    set -l verb ''
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            test "$skip" = --root; and set -g __hutch_root $word
            set skip ''
        else if contains -- $word (__hutch_takes "$verb")
            set skip $word
        else if string match -q -- '--root=*' $word
            set -g __hutch_root (string replace -- --root= '' $word)
        else if not string match -q -- '-*' $word
            test -n "$verb"; or set verb $word
            echo $word
        end
    end
end

function __hutch_verb
    set -l words (__hutch_words)
    test "$words[1]" = "$argv[1]"
end

# Whether the word to complete is the argument of the verb with this number, which counts from 0.
function __hutch_at
    set -l words (__hutch_words)
    test "$words[1]" = "$argv[1]"; or return 1
    test -z "$argv[1]"; and return 0
    test (math (count $words) - 1) = "$argv[2]"
end

function __hutch_containers
    set -g __hutch_root ''
    __hutch_words >/dev/null
    set -l command (commandline -opc)[1]
    if test -n "$__hutch_root"
        $command --root $__hutch_root list -q 2>/dev/null
    else
        $command list -q 2>/dev/null
    end
end

complete -c hutch -f
"""

_SHELLS: "dict[str, Callable[[], str]]" = {"bash": _bash, "fish": _fish, "zsh": _zsh}
