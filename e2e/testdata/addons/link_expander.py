"""Makes relative links absolute."""
import re
from urllib.parse import urljoin


def response(flow):
    if flow.request.host == "links.example" and "content-type" in flow.response.headers and "html" in flow.response.headers["content-type"]:
        def whole(m):
            return 'href="{}"'.format(urljoin(flow.request.url, m.group(1)))
        flow.response.text = re.sub('href="([^"]*)"', whole, flow.response.text)
