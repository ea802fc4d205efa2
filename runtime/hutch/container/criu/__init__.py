"""CRIU, which writes running processes to files and makes them again from these (criu.org).

messages    its RPC messages (protobuf, CRIU's own rpc.proto)
service     a `criu swrk` process: a request, its notices, its answer
externals   what of a container is not in the container: binds, masks, pipes, namespaces
"""
