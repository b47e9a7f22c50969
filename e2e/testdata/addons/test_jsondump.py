"""Tests of an addon with the helpers of mitmproxy.test, run while the script loads."""
import json
import tempfile

from mitmproxy import ctx, exceptions, websocket
from mitmproxy.test import taddons, tflow, tutils


class Lines:
    def load(self, loader):
        loader.add_option("lines_to", str, "", "The file.")
        loader.add_option("lines_level", int, 1, "At most 9.")

    def configure(self, updated):
        if ctx.options.lines_level > 9:
            raise exceptions.OptionsError("lines_level is at most 9")

    def response(self, flow):
        with open(ctx.options.lines_to, "a") as out:
            out.write(json.dumps([flow.request.host, flow.response.status_code, flow.response.text]) + "\n")

    def websocket_end(self, flow):
        with open(ctx.options.lines_to, "a") as out:
            out.write(json.dumps([len(flow.websocket.messages)]) + "\n")


def test_lines():
    addon = Lines()
    with taddons.context() as tctx, tempfile.TemporaryDirectory() as folder:
        tctx.master.addons.add(addon)
        tctx.configure(addon, lines_to=folder + "/lines")
        tctx.master.addons.invoke_addon_sync
        addon.response(tflow.tflow(resp=True))
        addon.response(tflow.tflow(resp=tutils.tresp(status_code=404, content=b"none")))
        addon.websocket_end(tflow.twebsocketflow())
        with open(folder + "/lines") as f:
            assert f.read() == '["address", 200, "message"]\n["address", 404, "none"]\n[3]\n'
        try:
            tctx.configure(addon, lines_level=10)
        except exceptions.OptionsError as e:
            assert "at most 9" in str(e)
        else:
            raise AssertionError("not refused")


test_lines()
print("the tests have passed", flush=True)
