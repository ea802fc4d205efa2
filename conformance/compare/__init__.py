"""The same command lines with warren, docker and podman: outputs and exit codes side by side."""
