package flow

import (
	"strings"
	"testing"
)

func TestQuoteShowsNoCredentialsAndNoControls(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                               `"plain"`,
		"a\r\n\x1b[2J\u202eb":                 `"a\r\n\x1b[2J\u202eb"`,
		"http://user:secret@host/path":        `"http://host/path"`,
		"GET http://user:secret@host/ HTTP/9": `"GET http://host/ HTTP/9"`,
		"user:secret@host:443":                `"host:443"`,
		"/mail/a@b.test":                      `"/mail/a@b.test"`,
		strings.Repeat("x", 100):              `"` + strings.Repeat("x", 80) + `"...`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}
