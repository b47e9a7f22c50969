package e2e

import "net/http"

// scannerAddons are of the kinds that help scanners of web applications.
var scannerAddons = addonGroup{name: "scanners", rows: []addonRow{
	{name: "scanner_inject", check: func(k *addonKit) {
		k.printed(`{"~d scan.example & ~u /page": "Links", "~d scan.example & ~u /robots.txt & ~c 404": "Robots"}`)
		a := k.ask("GET", "http://scan.example/robots.txt", "")
		if a.Status != 200 || a.Body != "User-agent: *\nAllow: /one\nAllow: /two" || a.Header.Get("Content-Type") != "text/html" {
			k.Errorf("%+v", a)
		}
		k.says(k.ask("GET", "http://scan.example/page", "").Body, `<a href="http://scan.example/one"></body>`)
	}},
	{name: "scanner_watchdog", check: func(k *addonKit) {
		if a := k.ask("GET", "http://127.0.0.1:1/broken?x=1", "", "X-Probe", "yes"); a.Status != http.StatusBadGateway {
			k.Errorf("%+v", a)
		}
		k.printed("watched: 127.0.0.1")
		k.printed("watchdog has the request: True")
		k.says(k.file("watched/request.curl"), "curl ", "http://127.0.0.1:1/broken?x=1", "X-Probe: yes")
		k.says(k.file("watched/request.raw"), "GET /broken?x=1 HTTP/1.1\r\n", "X-Probe: yes\r\n")
		k.ask("POST", "http://127.0.0.1:1/more", "what has not been read")
		k.printed("as curl: True /more None")
	}},
	{name: "scanner_index", check: func(k *addonKit) {
		k.ask("GET", "http://scan.example/seen?index", "")
		k.ask("GET", "http://other.example/not-there", "")
	}},
}, end: func(k *addonKit) {
	k.says(k.file("index.json"), `"http://scan.example:80": {`, `"/seen?index": {"GET": [200]}`, `"/robots.txt": {"GET": [200]}`)
	k.says(k.file("missing.json"), `"http://other.example:80": {"/not-there": {"GET": [404]}}`)
}}
