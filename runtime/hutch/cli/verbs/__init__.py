"""hutch's verbs: each module has ``run(call, log) -> exit code``."""
