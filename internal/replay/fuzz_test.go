package replay

import (
	"testing"
	"time"

	"midstream/flow"
)

// What a body is known by does not depend on the pieces that it comes in.
func FuzzContent(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "a=1&time=2&%zz=+", uint8(1))
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--", uint8(7))
	f.Add("multipart/form-data; boundary=", "--\r\n", uint8(2))
	f.Fuzz(func(t *testing.T, media, text string, step uint8) {
		m := Matching{IgnorePayloadParams: []string{"time"}}
		fields := flow.Fields{{Name: "Content-Type", Value: media}}
		whole, parts := m.newContent(fields), m.newContent(fields)
		whole.Write([]byte(text))
		for rest := []byte(text); len(rest) > 0; {
			n := min(int(step)+1, len(rest))
			parts.Write(rest[:n])
			rest = rest[n:]
		}
		if whole.sum() != parts.sum() {
			t.Errorf("%q of %q is known by its pieces", text, media)
		}
	})
}

// A cookie keeps its name, and what is moved by nothing stays the same moment.
func FuzzRefresh(f *testing.F) {
	f.Add("a=b; Expires=Tue, 07-May-2024 12:00:00 GMT; Secure")
	f.Add("expires=1; EXPIRES = Monday, 06-May-24 11:00:00 GMT")
	f.Fuzz(func(t *testing.T, cookie string) {
		once := refreshCookie(cookie, 0)
		if again := refreshCookie(once, 0); again != once {
			t.Errorf("%q becomes %q and then %q", cookie, once, again)
		}
		refreshCookie(cookie, time.Hour)
	})
}
