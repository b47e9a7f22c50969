"""Looks in pages for what the request has put there."""
import logging


def response(flow):
    if flow.request.host != "xss.example":
        return
    cookies = {name: value for name, value in flow.request.cookies.fields}
    page = flow.response.get_text(strict=False)
    for name, value in cookies.items():
        if value in page:
            logging.error("XSS by the cookie %s at %s", name, flow.request.url)
