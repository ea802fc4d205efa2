"""What a container is on disk and in time: its state, its verbs, its hooks and its terminal.

store       the state directory: whole files, one lock a container
status      what a container is doing, computed from the kernel
host        the facts of the host that the plan compiler wants
preflight   what can be found wrong before anything is changed
init_process    hutch-init as the runtime sees it: spawn, messages, failures
barriers    what the runtime does for hutch-init at each barrier of a plan
create, start, enter (exec), kill, pause, delete, run        a verb each
hooks, terminal, signalfd                                    what several verbs share
"""
