"""A command without arguments."""
from mitmproxy import command


class Counter:
    def __init__(self):
        self.times = 0

    @command.command("counter.increase")
    def increase(self) -> str:
        """Counts one more."""
        self.times += 1
        return "counted {}".format(self.times)


addons = [Counter()]
