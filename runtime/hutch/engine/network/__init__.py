"""Networks of containers: bridges, addresses, published ports, names. See the README."""
