"""Counts what passes: a class with a hook, and the list of addons."""
import logging


class Tally:
    def __init__(self):
        self.seen = 0

    def request(self, flow):
        if flow.request.host == "anatomy.example":
            self.seen += 1
            logging.info("anatomy has seen %d", self.seen)


addons = [Tally()]
