"""A process that stays after the command that has started it says what it is (python-prctl).

An interpreter is shown as "python3" with a long line of options. ps(1), top(1) and pgrep(1) then
show the name; ps -f and /proc/PID/cmdline show the title.
"""


def named(name: str, title: str) -> None:
    """Gives this process a name, of at most 15 bytes (PR_SET_NAME, prctl(2)), and a title."""
    import prctl

    prctl.set_name(name)
    prctl.set_proctitle(title)
