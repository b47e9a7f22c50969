package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Whatever a body is, the page's address never serves it as a page of its own: it is
// an attachment, or in a sandbox without an origin and without scripts.
func TestBodiesHaveNoOrigin(t *testing.T) {
	types := []string{"text/html", "image/svg+xml", "application/pdf", "application/xhtml+xml", "text/xml", "text/javascript", "text/css", "multipart/x-mixed-replace; boundary=a", "", "text/html, text/plain", "nonsense"}
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header()["Content-Type"] = []string{req.URL.Query().Get("type")}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Refresh", "0; url=http://evil.test/")
		io.WriteString(w, "<script>fetch('/api/v1/options')</script>")
	})
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	for i, kind := range types {
		r.through("/?type=" + strings.NewReplacer(" ", "%20", "+", "%2B", ";", "%3B").Replace(kind))
		for _, path := range []string{"response/body", "response/body?as=raw", "response/body?inline=1", "response/view?as=raw", "export?as=raw"} {
			req, _ := http.NewRequest("GET", at.Plain+"api/v1/flows/last/"+path, nil)
			req.Header.Set("Authorization", "Bearer secret")
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			h := resp.Header
			if resp.StatusCode != 200 || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Set-Cookie") != "" || h.Get("Refresh") != "" {
				t.Errorf("%d %q %s: %d %v", i, kind, path, resp.StatusCode, h)
			}
			inline := strings.Contains(path, "inline")
			csp := h.Get("Content-Security-Policy")
			switch {
			case inline && (!strings.HasPrefix(csp, "sandbox;") || strings.Contains(csp, "allow-") || !strings.Contains(csp, "default-src 'none'")):
				t.Errorf("%q inline: %s", kind, csp)
			case strings.Contains(path, "body") && !inline && (!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Content-Type") != "application/octet-stream"):
				t.Errorf("%q %s: %v", kind, path, h)
			case !strings.Contains(path, "body") && strings.Contains(h.Get("Content-Type"), "html"):
				t.Errorf("%q %s: %v", kind, path, h)
			}
		}
	}
}
