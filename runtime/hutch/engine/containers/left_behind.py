"""A process that stays after the command that has started it says what it is (python-prctl).

An interpreter is shown as "python3" with a long line of options. ps(1), top(1) and pgrep(1) then
show the name; ps -f and /proc/PID/cmdline show the title.

python-prctl must be compiled where it is installed. A wheel of ours needs no compiler, so it comes
with setproctitle, which does the same.
"""


def named(name: str, title: str) -> None:
    """Gives this process a name, of at most 15 bytes (PR_SET_NAME, prctl(2)), and a title."""
    try:
        import prctl
    except ImportError:
        from setproctitle import setproctitle, setthreadtitle

        setproctitle(title)
        setthreadtitle(name)
    else:
        prctl.set_name(name)
        prctl.set_proctitle(title)
