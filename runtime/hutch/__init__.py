"""hutch: an OCI container runtime, and the library underneath its command.

    Container     create, run, start, kill, execute, pause, resume, delete
    explain       what would be done for a bundle, step by step
    run           a program in a sandbox; Sandbox: several programs in one
    run_async     the same for asyncio; AsyncSandbox
    HutchError    and its kinds: what goes wrong

Names are imported when they are first used: the command starts for every container. So the modules
that a container's life takes are hot: at their top they import builtin modules of the interpreter
and each other, nothing else. What may import anything lies in a folder named cold, or in image,
images, defaults or cli/warren. front.py has the way from the one to the other.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.container.container import Container
    from hutch.container.explain import explain
    from hutch.engine.sandbox.aio import AsyncSandbox, run_async
    from hutch.engine.sandbox.result import Result, Usage
    from hutch.engine.sandbox.run import run
    from hutch.engine.sandbox.sandbox import Sandbox
    from hutch.errors import (
        ConfigError,
        HookFailed,
        HostError,
        HutchError,
        KernelError,
        NotFound,
        StateDamaged,
        StateError,
        UsageError,
    )
    from hutch.image.errors import ImageError, RegistryError

__version__ = "0.1.0"

__all__ = [
    "AsyncSandbox",
    "ConfigError",
    "Container",
    "HookFailed",
    "HostError",
    "HutchError",
    "ImageError",
    "KernelError",
    "NotFound",
    "RegistryError",
    "Result",
    "Sandbox",
    "StateDamaged",
    "StateError",
    "Usage",
    "UsageError",
    "explain",
    "run",
    "run_async",
]

_PLACES = {
    "AsyncSandbox": "hutch.engine.sandbox.aio",
    "Container": "hutch.container.container",
    "ImageError": "hutch.image.errors",
    "RegistryError": "hutch.image.errors",
    "Result": "hutch.engine.sandbox.result",
    "Sandbox": "hutch.engine.sandbox.sandbox",
    "Usage": "hutch.engine.sandbox.result",
    "explain": "hutch.container.explain",
    "run": "hutch.engine.sandbox.run",
    "run_async": "hutch.engine.sandbox.aio",
}


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError("module 'hutch' has no attribute " + repr(name))
    module = __import__(_PLACES.get(name, "hutch.errors"), None, None, [name])
    return getattr(module, name)
