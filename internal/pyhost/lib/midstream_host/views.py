"""Content views that scripts declare, asked by the proxy."""
from __future__ import annotations

import io as stdio

from midstream_host import entities


class Views:
    """The part of Host that shows bodies."""

    def view(self, head, raw):
        from mitmproxy import contentviews
        out, text = {}, b""
        try:
            if head.get("enc"):
                text = contentviews.registry[head["n"]].reencode(raw.decode("utf-8", "surrogateescape"), contentviews.Metadata())
            else:
                out, text = self.shown(contentviews, head, raw)
        except Exception as e:
            entities.complain("Addon error in the content view {}:\n{}".format(head["n"] or "auto", entities.own_traceback(e)))
            out = {"er": "{}: {}".format(type(e).__name__, e)}
        out.update(k="ret", c=head["c"])
        self.tell(out, text)

    def shown(self, contentviews, head, raw):
        f = self.flow_of(head["f"])
        message = None if f is None else getattr(f, "request" if head["d"] == "q" else "response", None)
        meta = contentviews.Metadata(flow=f, content_type=head["ct"].partition(";")[0].strip().lower() or None, http_message=message)
        if head["n"]:
            name = head["n"]
        else:
            rated = [(contentviews.priority(v, raw, meta), n) for n, v in contentviews.registry.items()]
            best, name = max(rated, default=(0, ""))
            # 1 is what mitmproxy's own views say of what they are made for.
            if best < 1 and not (head["plain"] and best > 0):
                return {}, b""
        view = contentviews.registry[name]
        text = contentviews.text(view, raw, meta)
        return {"vw": name, "sy": contentviews.syntax(view), "ed": hasattr(view, "reencode")}, text.encode("utf-8", "surrogateescape")

    def flow_of(self, id):
        """A flow that lives, or one of the session; None where it is not known."""
        if id in self.flows:
            return self.flows[id].flow
        if not id or id in self.recorded:
            return self.recorded.get(id)
        from mitmproxy import io
        try:
            _, file = self.ask("recorded", f=id)
        except RuntimeError:
            return None
        return next(iter(io.FlowReader(stdio.BytesIO(file)).stream()), None)
