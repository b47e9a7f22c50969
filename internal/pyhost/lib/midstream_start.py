"""Runs one addon script beside the proxy. The proxy starts it; the arguments are
the number of the inherited socket (or the port of a loopback one, whose secret is
in the environment) and the path of the script."""
import sys

if sys.version_info < (3, 9):
    sys.stderr.write("midstream needs Python 3.9 or later, this is %s\n" % sys.version.split()[0])
    sys.exit(3)

from midstream_host import main  # noqa: E402

main.run(sys.argv[1], sys.argv[2])
