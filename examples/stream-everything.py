"""Let every response pass as it comes, unrecorded."""


def responseheaders(flow):
    flow.response.stream = True
