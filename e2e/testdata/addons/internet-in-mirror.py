"""Mirrors pages."""


def response(flow):
    if flow.request.host == "mirror.example":
        flow.response.content = flow.response.content.replace(b"</head>", b"<style>body {transform: scaleX(-1)}</style></head>")
