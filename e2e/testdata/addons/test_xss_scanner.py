"""Tests of functions on flows that were made by hand, run while the script loads."""
from mitmproxy import http
from mitmproxy.test import tflow, tutils

import xss_scanner

f = tflow.tflow(req=tutils.treq(host="xss.example", headers=[(b"cookie", b"c=<x>")]), resp=tutils.tresp(content=b"a <x> b"))
xss_scanner.response(f)
assert f.request.cookies["c"] == "<x>" and isinstance(f, http.HTTPFlow)
assert tflow.tflow().response is None and tflow.tflow(err=True).error.msg == "error"
assert tflow.ttcpflow().messages[0].content == b"hello" and tflow.tdnsflow(resp=True).response.answers
assert tflow.tclient_conn().peername == ("127.0.0.1", 22) and tflow.tserver_conn().address == ("address", 22)
print("made by hand", f.request.url, f.response.status_code, flush=True)
