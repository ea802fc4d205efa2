"""What tests do with testcontainers: a database, ready, queried, gone; one more is left behind."""

import os
import socket

import docker
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy
from testcontainers.postgres import PostgresContainer

IMAGE = "services:1"
SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # PostgreSQL's protocol: answered by N or S
CODE = "insert into t values (42) returning a"


def main() -> None:
    """Prints what it sees."""
    database = PostgresContainer(IMAGE, driver=None).with_command("serve-database")
    with database:
        where = (database.get_container_host_ip(), int(database.get_exposed_port(5432)))
        with socket.create_connection(where, 10) as connection:
            connection.sendall(SSL_REQUEST)
            print("speaks", connection.recv(1))
        sql = f"create table t (a int); {CODE}"
        words = ["psql", "postgresql://test:test@127.0.0.1/test", "-Atc", sql]
        print("query", database.exec(words))
        print("logs", b"ready to accept connections" in database.get_logs()[1])
        id = database.get_wrapped_container().id
    client = docker.from_env()
    print("gone", id not in [one.id for one in client.containers.list(all=True)])
    left = DockerContainer(IMAGE).with_command("sh -c 'echo begun; sleep 1000'")
    left.waiting_for(LogMessageWaitStrategy("begun")).start()
    print("left", len(client.containers.list(filters={"ancestor": IMAGE})), flush=True)
    os._exit(0)  # as if it was killed: testcontainers itself does nothing more


if __name__ == "__main__":
    main()
