"""Adds a field to each response."""


class Numbered:
    def __init__(self):
        self.number = 0

    def response(self, flow):
        if flow.request.host == "addheader.example":
            self.number += 1
            flow.response.headers["X-Number"] = str(self.number)


addons = [Numbered()]
