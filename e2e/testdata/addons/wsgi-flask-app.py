"""Answers requests to one host by a WSGI application: any, so also Flask's."""
from mitmproxy.addons import asgiapp


def app(environ, start_response):
    if environ["PATH_INFO"] != "/":
        start_response("404 Not Found", [])
        return []
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode(), b" says hello"]


addons = [asgiapp.WSGIApp(app, "wsgi.example", 80)]
