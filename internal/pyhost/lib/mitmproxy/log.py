"""Logging. New addons use the module logging of the standard library."""
from __future__ import annotations

import logging

ALERT = logging.INFO + 1
logging.addLevelName(ALERT, "ALERT")

LogLevels = ["error", "warn", "info", "alert", "debug"]
LOGGING_LEVELS_TO_LOGENTRY = {logging.ERROR: "error", logging.WARNING: "warn", logging.INFO: "info",
                              ALERT: "alert", logging.DEBUG: "debug"}
_levels = {"debug": logging.DEBUG, "info": logging.INFO, "alert": ALERT, "warn": logging.WARNING,
           "warning": logging.WARNING, "error": logging.ERROR}


class LogEntry:
    def __init__(self, msg, level):
        self.msg = str(msg)
        self.level = level

    def __repr__(self):
        return "LogEntry({}, {})".format(self.msg, self.level)


class Log:
    """ctx.log: as logging, under its old name."""

    def __init__(self, master=None):
        self.master = master

    def _say(self, level, text, args, kwargs):
        if args:
            logging.getLogger().log(level, text, *args, **kwargs)
        else:
            logging.getLogger().log(level, "%s", text, **kwargs)

    def debug(self, txt, *args, **kwargs):
        self._say(logging.DEBUG, txt, args, kwargs)

    def info(self, txt, *args, **kwargs):
        self._say(logging.INFO, txt, args, kwargs)

    def alert(self, txt, *args, **kwargs):
        self._say(ALERT, txt, args, kwargs)

    def warn(self, txt, *args, **kwargs):
        self._say(logging.WARNING, txt, args, kwargs)

    warning = warn

    def error(self, txt, *args, **kwargs):
        self._say(logging.ERROR, txt, args, kwargs)

    def __call__(self, text, level="info"):
        self._say(_levels.get(str(level).lower(), logging.INFO), text, (), {})


class MitmLogHandler(logging.Handler):
    """A handler that addons derive theirs from."""

    def install(self):
        logging.getLogger().addHandler(self)

    def uninstall(self):
        logging.getLogger().removeHandler(self)


class MitmFormatter(logging.Formatter):
    def __init__(self, colorize: bool = False):
        super().__init__("%(message)s")


def log_tier(level) -> int:
    return {"error": 0, "warn": 1, "info": 2, "alert": 2, "debug": 3}.get(level, 2)
