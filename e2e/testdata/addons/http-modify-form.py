"""Changes forms, and makes one of what is none."""


def request(flow):
    if flow.request.host != "form.example":
        return
    if flow.request.urlencoded_form:
        flow.request.urlencoded_form["added"] = "by a script"
    else:
        flow.request.urlencoded_form = [("made", "anew")]
