"""Options, for annotations and for programs that embed mitmproxy."""
from mitmproxy.optmanager import OptManager

CONF_DIR = "~/.midstream"
CONF_BASENAME = "midstream"
KEY_SIZE = 2048


class Options(OptManager):
    def __init__(self, **kwargs):
        super().__init__()
        self.__dict__["_values"].update(kwargs)
