package auth

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What htpasswd makes of the password "secret" with -nbB, -nbs and -nbm.
const file = `# users
anna:$2y$05$e.9r/FLyUfU.NYysVwZEUuQDSzmCDkC7gePB9vJ5S4y/Y3cjdVUjy

berta:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
carl:$apr1$rOioh4Wh$m5Xihq8Geii9fCC0S7.KC1
anna:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=
`

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustParse(t *testing.T, value string) *Users {
	t.Helper()
	u, err := Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestParseRefuses(t *testing.T) {
	for value, text := range map[string]string{
		"":                                 "USER:PASSWORD",
		"hunter2":                          "USER:PASSWORD",
		":hunter2":                         "USER:PASSWORD",
		"a:b\nhunter2":                     "USER:PASSWORD",
		"ldap:h:cn=x:hunter2:dc=y":         "ldap",
		"@":                                "no file name",
		"@/nowhere/users":                  "no such file",
		"@" + t.TempDir():                  "not an htpasswd file",
		"@" + write(t, "\n# nobody\n"):     "no users",
		"@" + write(t, "anna\n"):           "line 1 is not USER:HASH",
		"@" + write(t, "\nanna:hunter2\n"): `line 2, user "anna": the hash is not one of`,
		"@" + write(t, "a:$2y$31$hunter2"): "the hash is not one of",
		"@" + write(t, "a:{SHA}hunter2"):   "the hash is not one of",
		"@" + write(t, "a:$apr1$hunter2"):  "the hash is not one of",
		"@" + write(t, "a:$6$salt$hunter2hunter2"): "the hash is not one of",
	} {
		_, err := Parse(value)
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", value, err, text)
		}
	}
}

func TestCheck(t *testing.T) {
	path := write(t, file)
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			value, user, password string
			good                  bool
		}{
			{"anna:se:cret", "anna", "se:cret", true},
			{"anna:secret", "anna", "Secret", false},
			{"anna:secret", "bert", "secret", false},
			{"anna:", "anna", "", true},
			{"any", "x", "", true},
			{"any", "", "", false},
			{"@" + path, "anna", "secret", true},
			{"@" + path, "berta", "secret", true},
			{"@" + path, "carl", "secret", true},
			{"@" + path, "anna", "wrong", false},
			{"@" + path, "berta", "wrong", false},
			{"@" + path, "carl", "wrong", false},
			{"@" + path, "dora", "secret", false},
			{"@" + path, "*)(uid=*", "secret", false},
			{"@" + path, "anna\x00", "secret", false},
		} {
			u := mustParse(t, c.value)
			for range 2 {
				began := time.Now()
				err := u.Check(t.Context(), c.user, c.password)
				took := time.Since(began)
				if c.good && (err != nil || took != 0) || !c.good && (err != ErrDenied || took != pause) {
					t.Errorf("%s, %q %q: %v after %v", c.value, c.user, c.password, err, took)
				}
			}
		}
	})
}

// A hash is computed once, however often and from how many connections it is asked.
func TestKnown(t *testing.T) {
	n := 0
	u := newUsers(false, func(user, password string) bool { n++; return password == "right" })
	for range 3 {
		if err := u.Check(t.Context(), "a", "right"); err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("computed %d times", n)
	}
	for i := range 2 * maxKnown {
		u.Check(t.Context(), strings.Repeat("x", i), "right")
	}
	if len(u.known) > maxKnown {
		t.Errorf("%d are remembered", len(u.known))
	}
}

// Guessers wait, a bounded number of them; who is not one of them is not held up.
func TestGuessers(t *testing.T) {
	for _, cheap := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			u := newUsers(cheap, func(user, password string) bool { return password == "right" })
			if err := u.Check(t.Context(), "a", "right"); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			counts := map[error]int{}
			for range 3 * maxPaused {
				wg.Go(func() {
					err := u.Check(t.Context(), "a", "wrong")
					mu.Lock()
					counts[err]++
					mu.Unlock()
				})
			}
			synctest.Wait()
			mu.Lock()
			if counts[ErrBusy] < maxPaused || counts[ErrDenied] != 0 {
				t.Errorf("at once: %v", counts)
			}
			mu.Unlock()
			if err := u.Check(t.Context(), "a", "right"); err != nil {
				t.Error(err)
			}
			wg.Wait()
			if counts[ErrDenied] == 0 || counts[ErrDenied] > maxPaused || u.paused != 0 || u.queued != 0 {
				t.Errorf("%v, left %d %d", counts, u.paused, u.queued)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := errors.New("gone")
			time.AfterFunc(pause/2, func() { cancel(gone) })
			if err := u.Check(ctx, "a", "wrong"); err != gone {
				t.Error(err)
			}
		})
	}
}

// Editors of Windows write a byte order mark, and lines that end in CR LF.
func TestAFileOfWindows(t *testing.T) {
	hashes, err := parseFile([]byte("\ufeff" + strings.ReplaceAll(file, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseFile([]byte(file))
	if err != nil || !maps.Equal(hashes, want) {
		t.Errorf("%v, want %v (%v)", hashes, want, err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("a:$2y$04$"))
	f.Add([]byte("a:$apr1$$"))
	f.Fuzz(func(t *testing.T, text []byte) {
		hashes, err := parseFile(text)
		if err != nil {
			return
		}
		for _, h := range hashes {
			if !strings.HasPrefix(h, "$2") {
				fits(h, "x")
			}
		}
	})
}
