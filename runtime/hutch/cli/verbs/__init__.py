"""hutch's verbs: each module has ``run(call) -> exit code``."""
