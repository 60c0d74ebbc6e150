"""Fetch what the local stack needs before anyone waits for it: `python -m deploy.local.prepare`."""

import sys

from deploy.local.jars import jar_version, kafka_jars
from deploy.local.kafka import find_java
from deploy.local.redis import find_redis_server


def main() -> int:
    """Resolve Kafka's jars, find Java and Redis; say what was found."""
    java = find_java()
    jars = kafka_jars()
    sys.stdout.write(
        f"Apache Kafka {jar_version(jars)} ({len(jars)} jars), Java at {java}, Redis at {find_redis_server()}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
