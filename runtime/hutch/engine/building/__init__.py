"""Images from Dockerfiles, by buildah. See the README in this folder."""
