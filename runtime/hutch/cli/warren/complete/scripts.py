"""The scripts that a shell loads: each asks ``warren __complete`` and shows the answer.

The command is run as the person has typed it, so that any warren on the line answers for itself.
"""

HEAD = "# Completion of warren for {0}; made by `warren completion {0}`.\n"

# bash makes words of their own of "=" and ":" (COMP_WORDBREAKS). They are put together again where
# no blank was between them, and what is offered loses what stands before the last of them.
BASH = r"""
_warren() {
    local word line=$COMP_LINE current= index=0 answer kind rows word_count=0
    local -a words=()
    while [ "$index" -le "$COMP_CWORD" ]; do
        word=${COMP_WORDS[index]}
        if [ "$index" -gt 0 ] && [ "${line#[[:blank:]]}" = "$line" ] && [ -n "$line" ]; then
            words[word_count - 1]+=$word
        else
            words[word_count]=$word
            word_count=$((word_count + 1))
        fi
        line=${line#"${line%%[![:blank:]]*}"}
        line=${line#"$word"}
        index=$((index + 1))
    done
    current=${words[word_count - 1]}
    answer=$("${words[0]}" __complete "${words[@]:1}" 2>/dev/null) || return
    kind=${answer%%$'\n'*}
    COMPREPLY=()
    if [ "$answer" != "$kind" ]; then
        mapfile -t COMPREPLY < <(printf '%s\n' "${answer#*$'\n'}" | cut -f 1)
    fi
    local path=${current##*[=:]}
    case $kind in
    files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$path") ;;
    folders) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$path") ;;
    esac
    [ "$kind" = words ] || compopt -o filenames 2>/dev/null
    local before=
    case $COMP_WORDBREAKS in *[=:]*) before=${current%"${current##*[=:]}"} ;; esac
    for index in "${!COMPREPLY[@]}"; do
        word=${COMPREPLY[index]}
        case $word in *[=:,]) compopt -o nospace 2>/dev/null ;; esac
        COMPREPLY[index]=${word#"$before"}
    done
}

complete -F _warren warren
"""

ZSH = r"""#compdef warren

_warren() {
    local line word kind
    local -a answer whole begun shown
    answer=("${(@f)$($words[1] __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    kind=$answer[1]
    for line in "${(@)answer[2,-1]}"; do
        [ -n "$line" ] || continue
        word=${line%%$'\t'*}
        shown=("${word//:/\\:}${${(M)line%%$'\t'*}:+:${line#*$'\t'}}")
        case $word in
        *[=:,]) begun+=("$shown[1]") ;;
        *) whole+=("$shown[1]") ;;
        esac
    done
    (( $#whole )) && _describe -t words word whole
    (( $#begun )) && _describe -t words word begun -S ''
    case $kind in
    files) compset -P '*='; _files ;;
    folders) compset -P '*='; _files -/ ;;
    esac
}

if [ "$funcstack[1]" = _warren ]; then
    _warren "$@"
else
    compdef _warren warren
fi
"""

FISH = r"""
function __warren_complete
    set -l words (commandline -opc)
    set -l answer ($words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null)
    test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]
    switch "$answer[1]"
        case files
            __fish_complete_path (commandline -ct | string replace -r '^-.*=' '')
        case folders
            __fish_complete_directories (commandline -ct | string replace -r '^-.*=' '')
    end
end

complete -c warren -f -a '(__warren_complete)'
"""

SCRIPTS = {
    "bash": HEAD.format("bash") + BASH,
    "zsh": ZSH.replace("\n", "\n" + HEAD.format("zsh"), 1),
    "fish": HEAD.format("fish") + FISH,
}
