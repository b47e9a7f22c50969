package capture

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/internal/format"
)

func TestStrftime(t *testing.T) {
	at := time.Date(2024, 2, 3, 4, 5, 6, 789e6, time.UTC)
	for pattern, want := range map[string]string{
		"plain": "plain", "%Y-%m-%d": "2024-02-03", "%H%M%S": "040506", "%j": "034", "100%%": "100%", "%y %b %a %p": "24 Feb Sat AM", "%s": "1706933106",
		"%V": "05", "%w%u": "66", "%f": "789000", "%F %T": "2024-02-03 04:05:06",
	} {
		if got, err := strftime(pattern, at); got != want || err != nil {
			t.Errorf("%s is %q, %v; want %q", pattern, got, err, want)
		}
	}
	for _, bad := range []string{"%", "x%", "%q", "%-"} {
		if _, err := strftime(bad, at); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAnotherFileIsBegunWhenItsNameChanges(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	for range 2 { // the second time replaces what is there
		r, err := OpenRotating(filepath.Join(dir, "%H.mitm"), nil, Options{}, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Duration{0, time.Minute, time.Hour} {
			now = time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC).Add(at)
			if _, err := r.Write(&format.Item{Flow: exchange("/x")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(-time.Hour)
	}
	for name, want := range map[string]int{"04.mitm": 2, "05.mitm": 1} {
		if got := strings.Count(picture(t, filepath.Join(dir, name)), `"Path": "/x"`); got != want {
			t.Errorf("%s has %d flows, want %d", name, got, want)
		}
	}
	r, err := OpenRotating("+"+filepath.Join(dir, "04.mitm"), nil, Options{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(&format.Item{Flow: exchange("/x")}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Error(list)
	}
	if got := strings.Count(picture(t, filepath.Join(dir, "04.mitm")), `"Path": "/x"`); got != 3 {
		t.Error(got, "flows after adding one")
	}
}

func TestFoldersAreMadeWhenTheirTimeComes(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2024, 2, 3, 23, 59, 0, 0, time.UTC)
	r, err := OpenRotating(filepath.Join(dir, "%Y-%m", "%d", "x.mitm"), nil, Options{}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Write(&format.Item{Flow: exchange("/x")}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"03", "04"} {
		if got := strings.Count(picture(t, filepath.Join(dir, "2024-02", day, "x.mitm")), `"Path": "/x"`); got != 1 {
			t.Errorf("%s has %d flows", day, got)
		}
	}
}
