"""Status codes and their reasons (RFC 9110 section 15)."""
from http import HTTPStatus

RESPONSES = {int(s): s.phrase for s in HTTPStatus}
RESPONSES[418] = "I'm a teapot"

for _s in HTTPStatus:
    globals()[_s.name] = int(_s)
NO_RESPONSE = 444
CLIENT_CLOSED_REQUEST = 499
RESPONSES.update({444: "No Response", 499: "Client Closed Request"})
