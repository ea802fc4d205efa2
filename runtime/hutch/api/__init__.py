"""The Docker Engine API over the engine and the images: ``warren serve``."""
